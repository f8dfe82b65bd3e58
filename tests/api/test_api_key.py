"""Keys let in whom they should, are shown once, can be exchanged while in use, and end within seconds."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from agent_runtime.api.app import create_app
from agent_runtime.domain.api_key import key_id_of, new_key
from agent_runtime.store import api_key as key_store
from tests.api.access import OPERATOR_KEY, client_with, locked_settings
from tests.support.tasks import TaskBook


@pytest.fixture
async def locked(database_url: str) -> AsyncIterator[FastAPI]:
    app = create_app(locked_settings(database_url))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def operator(locked: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_with(locked, OPERATOR_KEY) as client:
        yield client


async def created(operator: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await operator.post("/v1/api-keys", json={"roles": ["viewer"], **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def status_with(app: FastAPI, key: str | None, path: str = "/v1/tasks", address: str = "192.0.2.7") -> int:
    async with client_with(app, key, address) as client:
        return (await client.get(path)).status_code


async def test_a_key_is_shown_once_and_kept_as_a_hash(
    locked: FastAPI, operator: httpx.AsyncClient, database_url: str
) -> None:
    made = await created(operator, name="ci", scopes=["read"], roles=[])
    assert made["key"].startswith(made["prefix"])
    assert made["scopes"] == ["read"]
    listed = (await operator.get("/v1/api-keys")).json()["items"]
    assert [row["key_id"] for row in listed] == [made["key_id"]]
    assert "key" not in listed[0]
    stored = str(TaskBook(database_url).rows("select * from par.api_keys, par.audit_log, par.idempotency_keys"))
    stored += str(TaskBook(database_url).rows("select * from par.api_keys")) + str(
        TaskBook(database_url).rows("select before::text, after::text from par.audit_log")
    )
    assert made["key"] not in stored
    assert made["key"].split("_")[2] not in stored
    assert await status_with(locked, made["key"]) == 200


async def test_a_repeated_creation_makes_one_key_and_does_not_show_it_again(
    operator: httpx.AsyncClient, database_url: str
) -> None:
    headers = {"Idempotency-Key": "once"}
    first = (await operator.post("/v1/api-keys", json={"roles": ["viewer"]}, headers=headers)).json()
    second = await operator.post("/v1/api-keys", json={"roles": ["viewer"]}, headers=headers)
    assert (second.status_code, second.json()["key_id"], second.json()["key"]) == (201, first["key_id"], None)
    assert first["key"] not in str(TaskBook(database_url).rows("select response::text from par.idempotency_keys"))


async def test_bad_credentials_all_get_the_same_401(
    locked: FastAPI, operator: httpx.AsyncClient, database_url: str
) -> None:
    good = await created(operator)
    revoked, expired = await created(operator), await created(operator)
    await operator.delete(f"/v1/api-keys/{revoked['key_id']}")
    TaskBook(database_url).rows(
        "update par.api_keys set expires_at = par.now() - interval '1 s' where key_id = %(id)s", id=expired["key_id"]
    )
    key = good["key"]
    wrong: list[dict[str, str] | list[tuple[str, str]]] = [
        {},
        *({"Authorization": value} for value in (
            "", "Bearer", "Bearer ", "Bearer x", f"Basic {key}", key, f"Bearer {key[:-1]}", f"Bearer {key} x",
            f"Bearer {key[:-1]}{'0' if key[-1] != '0' else '1'}", f"Bearer {new_key().text}",
            f"Bearer {new_key(good['key_id']).text}", f"Bearer {revoked['key']}", f"Bearer {expired['key']}",
            f"Bearer {OPERATOR_KEY}x", "Bearer \xff\xfe",
        )),
        [("Authorization", f"Bearer {key}"), ("Authorization", f"Bearer {key}")],
    ]  # fmt: skip
    seen = set()
    for number, headers in enumerate(wrong):
        async with client_with(locked, None, f"198.51.100.{number}") as client:
            sent = httpx.Headers(headers, encoding="latin-1")
            answer = await client.get("/v1/tasks", headers=sent)
        body = answer.json()
        del body["request_id"]
        assert answer.status_code == 401, headers
        seen.add((str(body), answer.headers["www-authenticate"]))
    assert len(seen) == 1
    async with client_with(locked, key) as client:
        assert (await client.get(f"/v1/tasks?key={key}")).status_code == 401
        assert (await client.get("/v1/tasks")).status_code == 200


async def test_guessing_is_slowed_down_and_holders_of_keys_are_not(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_runtime.api.credentials.GUESSES_PER_SECOND", 0.0001)
    app = create_app(locked_settings(database_url))
    async with app.router.lifespan_context(app), client_with(app, OPERATOR_KEY) as operator:
        key = (await created(operator))["key"]
        assert await status_with(app, key) == 200
        statuses = [await status_with(app, new_key().text if n % 2 else "guess") for n in range(40)]
        assert statuses == [401] * 20 + [429] * 20
        async with client_with(app, "guess") as client:
            answer = await client.get("/v1/tasks")
        assert int(answer.headers["retry-after"]) >= 1
        assert await status_with(app, key) == 200
        assert await status_with(app, "guess", address="203.0.113.9") == 401


async def test_guesses_sent_all_at_once_are_no_more_than_those_sent_in_turn(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_runtime.api.credentials.GUESSES_PER_SECOND", 0.0001)
    app = create_app(locked_settings(database_url))
    async with app.router.lifespan_context(app), client_with(app, OPERATOR_KEY) as operator:
        keys = [(await created(operator))["key"] for _ in range(30)]
        together = await asyncio.gather(*(status_with(app, key, address="203.0.113.9") for key in keys))
        assert together == [200] * 30, "many good keys that nobody has seen yet are no guesses"
        guesses = await asyncio.gather(*(status_with(app, new_key().text) for _ in range(100)))
        assert (guesses.count(401), guesses.count(429)) == (20, 80)


async def test_a_revoked_key_ends_at_once_here_and_within_five_seconds_elsewhere(
    locked: FastAPI, operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    made, other = await created(operator), await created(operator)
    for key in (made["key"], other["key"]):
        assert await status_with(locked, key) == 200
    assert (await operator.delete(f"/v1/api-keys/{made['key_id']}")).status_code == 204
    assert (await operator.delete(f"/v1/api-keys/{made['key_id']}")).status_code == 204
    assert await status_with(locked, made["key"]) == 401
    TaskBook(database_url).rows(
        "update par.api_keys set revoked_at = par.now() where key_id = %(id)s", id=other["key_id"]
    )
    assert await status_with(locked, other["key"]) == 200, "held for a few seconds"
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + 5.0)
    assert await status_with(locked, other["key"]) == 401


async def test_a_rotated_key_overlaps_with_its_old_secret_for_the_grace(
    locked: FastAPI, operator: httpx.AsyncClient, database_url: str
) -> None:
    made = await created(operator)
    path = f"/v1/api-keys/{made['key_id']}/rotate"
    rotated = (await operator.post(path, json={"grace_seconds": 600})).json()
    assert rotated["key"] != made["key"]
    assert key_id_of(rotated["key"]) == made["key_id"]
    assert rotated["previous_key_valid_until"] is not None
    assert [await status_with(locked, key) for key in (made["key"], rotated["key"])] == [200, 200]
    last = (await operator.post(path, json={"grace_seconds": 0})).json()
    assert [await status_with(locked, each["key"]) for each in (made, rotated, last)] == [401, 401, 200]
    await operator.delete(f"/v1/api-keys/{made['key_id']}")
    assert (await operator.post(path)).status_code == 409
    assert await status_with(locked, last["key"]) == 401


async def test_use_is_noted_now_and_then(locked: FastAPI, operator: httpx.AsyncClient) -> None:
    made = await created(operator)
    assert made["last_used_at"] is None
    await status_with(locked, made["key"])
    await locked.state.runtime.keys.write_use()
    assert (await operator.get("/v1/api-keys")).json()["items"][0]["last_used_at"] is not None


async def test_many_requests_with_one_key_ask_the_database_once(
    locked: FastAPI, operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = (await created(operator))["key"]
    asked, find = [], key_store.find

    async def counted(database: Any, key_id: str) -> Any:
        asked.append(key_id)
        return await find(database, key_id)

    monkeypatch.setattr(key_store, "find", counted)
    assert set(await asyncio.gather(*(status_with(locked, key) for _ in range(20)))) == {200}
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"scopes": [], "roles": []}, 400),
        ({"scopes": ["everything"]}, 422),
        ({"roles": ["owner"]}, 422),
        ({"roles": ["viewer"], "expires_at": "2001-01-01T00:00:00Z"}, 422),
        ({"roles": ["viewer"], "expires_at": "tomorrow"}, 422),
        ({"roles": ["viewer"], "name": "x" * 201}, 422),
        ({"roles": ["viewer"], "tenant_id": "nowhere"}, 404),
        ({"roles": ["viewer"], "key": "par_mine"}, 422),
    ],
)
async def test_a_wrong_key_request_is_refused(operator: httpx.AsyncClient, body: dict[str, Any], status: int) -> None:
    assert (await operator.post("/v1/api-keys", json=body)).status_code == status


async def test_an_expiring_key_says_so(operator: httpx.AsyncClient) -> None:
    soon = datetime.now(UTC) + timedelta(days=1)
    made = await created(operator, expires_at=soon.isoformat())
    assert datetime.fromisoformat(made["expires_at"]) == soon
    assert made["status"] == "active"


@pytest.mark.parametrize(("limited", "other"), [("rate_limit_per_key", 200), ("rate_limit_per_tenant", 429)])
async def test_a_rate_is_kept_by_key_or_by_tenant(database_url: str, limited: str, other: int) -> None:
    rates = {"rate_limit_per_key": "0", "rate_limit_per_tenant": "0", limited: "0.0001"}
    app = create_app(locked_settings(database_url, **rates))
    async with app.router.lifespan_context(app), client_with(app, OPERATOR_KEY) as operator:
        one, two = [(await created(operator))["key"] for _ in range(2)]
        assert [await status_with(app, one) for _ in range(3)] == [200, 429, 429]
        assert await status_with(app, two) == other
        async with client_with(app, one) as client:
            answer = await client.get("/v1/tasks")
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["code"] == "too_many_requests"
        assert {await status_with(app, OPERATOR_KEY) for _ in range(10)} == {200}


async def test_probes_need_no_key(locked: FastAPI) -> None:
    paths = ("/v1/health/live", "/v1/health/ready", "/v1/health", "/metrics", "/openapi.json", "/v1/nothing", "/docs")
    assert [await status_with(locked, None, path) for path in paths] == [200, 200, 401, 401, 401, 401, 401]


async def test_the_operator_makes_tenants_and_manages_their_keys(locked: FastAPI, operator: httpx.AsyncClient) -> None:
    made = await operator.post("/v1/tenants", json={"tenant_id": "acme", "display_name": "Acme"})
    assert made.status_code == 201
    assert (await operator.post("/v1/tenants", json={"tenant_id": "acme"})).status_code == 409
    assert (await operator.post("/v1/tenants", json={"tenant_id": "Not a name"})).status_code == 422
    assert [row["tenant_id"] for row in (await operator.get("/v1/tenants")).json()["items"]] == ["default", "acme"]
    theirs = await created(operator, tenant_id="acme", roles=["admin"])
    ours = await created(operator, roles=["viewer"])
    async with client_with(locked, theirs["key"]) as acme:
        assert (await acme.post("/v1/tenants", json={"tenant_id": "more"})).status_code == 403
        assert (await acme.get("/v1/tenants")).status_code == 403
        assert (await acme.get("/v1/api-keys?tenant_id=default")).status_code == 403
        assert (await acme.post("/v1/api-keys", json={"roles": ["admin"], "tenant_id": "default"})).status_code == 403
        assert (await acme.delete(f"/v1/api-keys/{ours['key_id']}")).status_code == 404
        own = (await acme.post("/v1/api-keys", json={"roles": ["viewer"]})).json()
        assert own["tenant_id"] == "acme"
        assert {row["key_id"] for row in (await acme.get("/v1/api-keys")).json()["items"]} == {
            theirs["key_id"], own["key_id"],
        }  # fmt: skip
        for path, body in (("/v1/models", {"provider": "openai", "model_id": "x"}), ("/v1/workers/w/drain", {})):
            assert (await acme.post(path, json=body)).status_code == 403
        actions = [row["action"] for row in (await acme.get("/v1/audit")).json()["items"]]
        assert "api_key_created" in actions
        assert "access_denied" in actions
    assert (await operator.delete(f"/v1/api-keys/{own['key_id']}")).status_code == 204
    assert await status_with(locked, own["key"]) == 401
