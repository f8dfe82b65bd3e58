"""Tokens of the operator's identity provider (OpenID Connect), as callers.

The provider's public keys are fetched when the server starts and now and then after that, never by a request, with one
exception: a token that names a key which is not known yet asks for them again, at most twice a minute. A token that was
good is held for a minute, so that its signature is not checked at each request.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import orjson
import structlog

from agent_runtime.api.auth import Caller
from agent_runtime.config import Settings
from agent_runtime.domain.access import ROLES, allowed_scopes
from agent_runtime.domain.api_key import hash_of
from agent_runtime.domain.errors import AgentRuntimeError
from agent_runtime.safe_http import FetchLimits, SafeClient, targets_from
from agent_runtime.store.database import Database
from agent_runtime.store.tenant import tenant_exists

# Signatures by a private key only: with HS256 whoever knows the public key could sign.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
REFRESH_SECONDS = 600.0
RETRY_SECONDS = 5.0
UNKNOWN_KEY_SECONDS = 30.0
HELD_SECONDS = 60.0
LEEWAY_SECONDS = 30
MOST_TOKENS = 10_000
LONGEST_TOKEN = 16_384
_LIMITS = FetchLimits(seconds=5.0, body_bytes=262_144, redirects=0)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Held:
    caller: Caller
    until: float


class TokenReader:
    """One per server that has an issuer."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._issuer = settings.oidc_issuer or ""
        self._database = database
        self._keys: dict[str, jwt.PyJWK] = {}
        self._held: OrderedDict[bytes, _Held] = OrderedDict()
        self._fetching: asyncio.Task[None] | None = None
        self._asked_at = -UNKNOWN_KEY_SECONDS

    async def run(self) -> None:
        """Keep the provider's keys fresh, for as long as the server serves."""
        while True:
            await self._fetch_once()
            await asyncio.sleep(REFRESH_SECONDS if self._keys else RETRY_SECONDS)

    def was_good(self, text: str) -> bool:
        """Whether this very token was let in before."""
        return hash_of(text) in self._held

    async def find(self, text: str) -> Caller | None:
        """The caller that a token names; None for a token that is no good."""
        digest = hash_of(text)
        held = self._held.get(digest)
        if held is not None and time.monotonic() < held.until:
            return held.caller
        self._held.pop(digest, None)
        claims = await self._claims(text) if len(text) <= LONGEST_TOKEN else None
        caller = None if claims is None else await self._caller(claims)
        if claims is None or caller is None:
            return None
        lasts = min(HELD_SECONDS, claims["exp"] + LEEWAY_SECONDS - time.time())
        self._held[digest] = _Held(caller, time.monotonic() + lasts)
        if len(self._held) > MOST_TOKENS:
            self._held.popitem(last=False)
        return caller

    async def _claims(self, text: str) -> dict[str, Any] | None:
        """What a token says, when it is signed by the issuer, for us, and of this time."""
        try:
            head = jwt.get_unverified_header(text)
            key = await self._key(head)
            if key is None:
                return None
            claims: dict[str, Any] = jwt.decode(
                text,
                key.key,
                algorithms=[head["alg"]],
                audience=self._settings.oidc_audience,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "aud", "iss", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            _log.info("token_refused", reason=type(error).__name__)
            return None
        return claims

    async def _key(self, head: Mapping[str, Any]) -> jwt.PyJWK | None:
        """The provider's key that a token's head names, if it is one for the algorithm that the head names too."""
        name, algorithm = head.get("kid"), head.get("alg")
        if algorithm not in ALGORITHMS or not isinstance(name, str):
            return None
        if name not in self._keys and time.monotonic() - self._asked_at >= UNKNOWN_KEY_SECONDS:
            self._asked_at = time.monotonic()
            # A fetch that is under way may have begun before the provider had this key.
            if self._fetching is not None and not self._fetching.done():
                await asyncio.shield(self._fetching)
            if name not in self._keys:
                await self._fetch_once()
        key = self._keys.get(name)
        return key if key is not None and _fits(key, algorithm) else None

    async def _caller(self, claims: Mapping[str, Any]) -> Caller | None:
        """The tenant and the roles that the claims map to; None without a tenant that exists."""
        settings = self._settings
        tenant_id = settings.oidc_tenant or _claim(claims, settings.oidc_tenant_claim)
        if not isinstance(tenant_id, str) or not 1 <= len(tenant_id) <= 64 or "\x00" in tenant_id:
            return None
        if not await tenant_exists(self._database, tenant_id):
            return None
        given = _claim(claims, settings.oidc_role_claim)
        values = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        words = [value for value in values if isinstance(value, str)]
        roles = [settings.oidc_roles.get(word, "") for word in words] if settings.oidc_roles else words
        scopes = allowed_scopes((), [role for role in roles if role in ROLES])
        subject = str(claims["sub"])[:200]
        return Caller(tenant_id, f"user {subject}", scopes, key_id=f"oidc {tenant_id} {subject}")

    async def _fetch_once(self) -> None:
        """Whoever needs the keys while they are being fetched waits for the same answer."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
        await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        try:
            async with SafeClient(targets_from(self._settings, loopback=True)) as client:
                url = self._settings.oidc_jwks_url or await self._discovered(client)
                document = await _json(client, url)
            self._keys = _signing_keys(document)
            _log.info("identity_provider_keys", count=len(self._keys))
        except (AgentRuntimeError, ValueError, TypeError, jwt.PyJWTError) as error:
            _log.warning("identity_provider_unavailable", error=f"{type(error).__name__}: {error}")

    async def _discovered(self, client: SafeClient) -> str:
        """OpenID Connect Discovery 1.0, section 4: the document must name the issuer that it was asked of."""
        document = await _json(client, self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        if document.get("issuer") != self._issuer:
            raise ValueError("the discovery document names another issuer")
        return str(document["jwks_uri"])


async def _json(client: SafeClient, url: str) -> dict[str, Any]:
    answer = await client.fetch("GET", url, limits=_LIMITS)
    if answer.status != 200:
        raise ValueError(f"{url} answered {answer.status}")
    document = orjson.loads(answer.body)
    if not isinstance(document, dict):
        raise TypeError(f"{url} answered no JSON object")
    return document


def _signing_keys(document: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    """Public keys by their id; what cannot be read, or is for something else, is left out."""
    found = {}
    for entry in document.get("keys", ()):
        name = entry.get("kid")
        if isinstance(name, str) and entry.get("use", "sig") == "sig" and entry.get("kty") in ("RSA", "EC", "OKP"):
            try:
                found[name] = jwt.PyJWK(entry)
            except jwt.PyJWTError:
                continue
    return found


def _fits(key: jwt.PyJWK, algorithm: str) -> bool:
    """Whether a key is one for this algorithm: RSA keys serve several, the others one each."""
    if key.key_type == "RSA":
        return algorithm[:2] in ("RS", "PS")
    return bool(key.algorithm_name == algorithm)


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its whole name, else by the way that dots show into objects."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
