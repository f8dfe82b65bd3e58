"""Tokens of an identity provider let in whom it vouches for, and nobody by a forged, foreign or stale one."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import jwt
import pytest
from fastapi import FastAPI

from agent_runtime.api import token_reader
from agent_runtime.api.app import create_app
from agent_runtime.config import load
from agent_runtime.domain.errors import ConfigurationError
from tests.api.access import OPERATOR_KEY, client_with, locked_settings
from tests.api.identity_provider import AUDIENCE, IdentityProvider
from tests.support.waiting import eventually

Forge = Callable[[IdentityProvider], str]


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as made:
        yield made


async def serving(database_url: str, provider: IdentityProvider, **changes: str) -> AsyncIterator[FastAPI]:
    settings = {"oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE, "loopback_targets": "on", **changes}
    app = create_app(locked_settings(database_url, **settings))
    async with app.router.lifespan_context(app):

        async def keys_are_there() -> bool:
            return "/keys" in provider.asked

        await eventually(keys_are_there, "the keys are fetched at the start")
        yield app


@pytest.fixture
async def app(database_url: str, provider: IdentityProvider) -> AsyncIterator[FastAPI]:
    async for made in serving(database_url, provider):
        yield made


async def status(app: FastAPI, token: str, method: str = "GET", path: str = "/v1/tasks", address: str = "") -> int:
    async with client_with(app, token, address or f"198.51.100.{abs(hash(token)) % 250}") as client:
        return (await client.request(method, path, json={} if method == "POST" else None)).status_code


async def test_a_good_token_has_the_scopes_of_its_roles(app: FastAPI, provider: IdentityProvider) -> None:
    viewer, developer = provider.token(), provider.token(roles="developer", sub="dan")
    assert await status(app, viewer) == 200
    assert await status(app, viewer, "POST", "/v1/agents") == 403
    assert await status(app, developer, "POST", "/v1/agents") == 422
    assert await status(app, provider.token(roles=["nonsense", 5]), "GET") == 403
    async with client_with(app, OPERATOR_KEY) as operator:
        rows = (await operator.get("/v1/audit?action=access_denied")).json()["items"]
    assert {row["actor"] for row in rows} == {"user ann"}


def signed_by_public_key(provider: IdentityProvider) -> str:
    """HS256 with the public key for a secret, put together by hand, since a library refuses to."""
    parts = [{"alg": "HS256", "typ": "JWT", "kid": "one"}, provider.claims(roles=["admin"])]
    text = b".".join(_encoded(json.dumps(part).encode()) for part in parts)
    return (text + b"." + _encoded(hmac.digest(provider.public_pem(), text, hashlib.sha256))).decode()


def changed_after_signing(provider: IdentityProvider) -> str:
    head, _, signature = provider.token().split(".")
    return f"{head}.{_encoded(json.dumps(provider.claims(roles=['admin'])).encode()).decode()}.{signature}"


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


BAD: dict[str, Forge] = {
    "no signature": lambda p: p.token(key="", algorithm="none"),
    "HS256 with the public key": signed_by_public_key,
    "changed after signing": changed_after_signing,
    "another audience": lambda p: p.token(aud="other"),
    "no audience": lambda p: p.token(aud=None),
    "another issuer": lambda p: p.token(iss="https://evil.example"),
    "no issuer": lambda p: p.token(iss=None),
    "expired": lambda p: p.token(exp=int(time.time()) - 60),
    "no expiry": lambda p: p.token(exp=None),
    "issued in the future": lambda p: p.token(iat=int(time.time()) + 600),
    "no time of issue": lambda p: p.token(iat=None),
    "not yet valid": lambda p: p.token(nbf=int(time.time()) + 600),
    "no subject": lambda p: p.token(sub=None),
    "an unknown key": lambda p: p.token(kid="other"),
    "no key's name": lambda p: p.token(kid=None),
    "a stranger's key": lambda p: p.token(key=p.stranger),
    "another algorithm's key": lambda p: p.token(key=p.ec, algorithm="ES256"),
    "no tenant": lambda p: p.token(tenant=None),
    "a tenant that is none": lambda p: p.token(tenant="nowhere"),
    "a tenant of another type": lambda p: p.token(tenant={"a": 1}),
    "nonsense": lambda p: "a.b.c",
    "very long": lambda p: p.token(more="x" * 40_000),
}


@pytest.mark.parametrize("forge", BAD.values(), ids=BAD)
async def test_a_bad_token_is_401(app: FastAPI, provider: IdentityProvider, forge: Forge) -> None:
    token = forge(provider)
    assert await status(app, token) == 401
    assert await status(app, provider.token()) == 200, "a good one is let in beside it"


async def test_keys_are_asked_for_again_when_the_provider_rotates_but_not_at_each_guess(
    app: FastAPI, provider: IdentityProvider
) -> None:
    assert await status(app, provider.token()) == 200, "the keys of before are known"
    provider.publish_ec()
    assert await status(app, provider.token(key=provider.ec, algorithm="ES256", kid="two")) == 200
    asked = provider.asked.count("/keys")
    assert asked == 2
    for number in range(10):
        assert await status(app, provider.token(kid=f"guess-{number}")) == 401
    assert provider.asked.count("/keys") == asked


async def test_a_good_token_is_not_checked_at_each_request(
    app: FastAPI, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = provider.token()
    assert await status(app, token) == 200

    def no_more(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("checked again")

    monkeypatch.setattr("jwt.decode", no_more)
    assert await status(app, token) == 200


async def test_a_held_token_ends_with_its_expiry(
    app: FastAPI, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = provider.token(exp=int(time.time()) - token_reader.LEEWAY_SECONDS + 15)
    assert await status(app, token) == 200
    monotonic = time.monotonic
    monkeypatch.setattr("time.monotonic", lambda: monotonic() + 16)

    def expired(*arguments: Any, **options: Any) -> Any:
        raise jwt.ExpiredSignatureError

    monkeypatch.setattr("jwt.decode", expired)
    assert await status(app, token) == 401


async def test_claims_are_mapped_as_the_settings_say(database_url: str, provider: IdentityProvider) -> None:
    changes = {
        "oidc_tenant": "default",
        "oidc_role_claim": "realm_access.roles",
        "oidc_roles": '{"par-admins": "admin"}',
        "oidc_jwks_url": f"{provider.issuer}/keys",
    }
    async for app in serving(database_url, provider, **changes):
        assert "/.well-known/openid-configuration" not in provider.asked
        admin = provider.token(tenant=None, realm_access={"roles": ["par-admins", "viewer"]})
        assert await status(app, admin, path="/v1/api-keys") == 200
        assert await status(app, provider.token(realm_access={"roles": ["viewer"]})) == 403


async def test_a_discovery_document_of_another_issuer_gives_no_keys(
    database_url: str, provider: IdentityProvider
) -> None:
    provider.named_issuer = "https://evil.example"
    settings = {"oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE, "loopback_targets": "on"}
    app = create_app(locked_settings(database_url, **settings))
    async with app.router.lifespan_context(app):
        assert await status(app, provider.token()) == 401
    assert "/keys" not in provider.asked


async def test_an_issuer_at_a_private_address_is_not_asked(database_url: str, provider: IdentityProvider) -> None:
    settings = {"oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE, "loopback_targets": "off"}
    app = create_app(locked_settings(database_url, **settings))
    async with app.router.lifespan_context(app):
        assert await status(app, provider.token()) == 401
    assert provider.asked == []


@pytest.mark.parametrize(
    "environment",
    [
        {"PAR_OIDC_ISSUER": "https://id.example"},
        {"PAR_OIDC_ISSUER": "http://id.example", "PAR_OIDC_AUDIENCE": "x"},
        {"PAR_OIDC_ISSUER": "id.example", "PAR_OIDC_AUDIENCE": "x"},
        {"PAR_OIDC_ROLES": "[]"},
        {"PAR_OIDC_ROLES": '{"a": 5}'},
    ],
)
def test_settings_that_would_let_anybody_in_are_refused(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        load({"PAR_ENV_FILE": "", **environment})
