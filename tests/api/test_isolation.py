"""What belongs to another tenant is answered like what does not exist, on every route that the document has.

The requests are made from the OpenAPI document. A route with an id that this file does not know how to fill makes the
test fail: say in `their_objects` how such an object is made, and in `BODIES` what the route takes.
"""

import json
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from agent_runtime.api.app import create_app
from agent_runtime.api.openapi import build
from agent_runtime.config import load
from agent_runtime.secret_box import new_master_key
from agent_runtime.store.database import Database, fetch_all
from agent_runtime.store.queries import query
from tests.api.access import client_with, locked_settings, make_key
from tests.api.conftest import AGENT
from tests.support.tasks import TaskBook

CANARY = "zqx-canary-zqx"
DOCUMENT = build(create_app(load({"PAR_ENV_FILE": ""})))
CONFIG = AGENT["agent_config"]
# What a route with an id takes, where an empty object is not enough.
BODIES: dict[str, Any] = {
    "PUT /v1/agents/{agent_id}": {"display_name": "x", "agent_config": CONFIG},
    "POST /v1/tasks/{task_id}/follow-up": {"message": "x"},
    "POST /v1/tasks/{task_id}/respond": {"message": "x"},
    "POST /v1/tasks/{task_id}/reject": {"reason": "x"},
    "POST /v1/tasks/{task_id}/fork": {"checkpoint_id": str(uuid.uuid4())},
    "PUT /v1/tool-servers/{server_id}": {"name": "x", "url": "https://tools.example/mcp"},
    "POST /v1/tool-servers/{server_id}/tools/approve": {"tools": ["x"]},
    "PUT /v1/langfuse-endpoints/{endpoint_id}": {
        "name": "x", "host": "https://langfuse.example", "public_key": "p", "secret_key": "s",
    },
    "PUT /v1/webhooks/{webhook_id}": {"url": "https://hooks.example/", "events": ["task_completed"]},
}  # fmt: skip


@dataclass
class Operation:
    """One method of one path."""

    method: str
    path: str
    description: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def ids(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    @property
    def shared(self) -> bool:
        return bool(self.description.get("x-operator-only"))

    @property
    def filters(self) -> list[str]:
        return [each["name"] for each in self.description.get("parameters", ()) if each["in"] == "query"]

    def filled(self, values: dict[str, str]) -> str:
        return re.sub(r"{(\w+)}", lambda found: values[found[1]], self.path)


def operations() -> Iterator[Operation]:
    for path, methods in DOCUMENT["paths"].items():
        for method, description in methods.items():
            yield Operation(method.upper(), path, description)


OPERATIONS = list(operations())


@dataclass
class Stage:
    """Two tenants: ours asks for what is theirs."""

    ours: httpx.AsyncClient
    theirs: httpx.AsyncClient
    app: FastAPI
    ids: dict[str, str] = field(default_factory=dict)


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    settings = locked_settings(
        database_url, rate_limit_per_key="0", rate_limit_per_tenant="0", master_key=new_master_key()
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        database: Database = app.state.runtime.database
        keys = [await make_key(database, tenant, ["admin"], name=CANARY) for tenant in ("ours", "theirs")]
        async with client_with(app, keys[0]) as ours, client_with(app, keys[1]) as theirs:
            made = Stage(ours, theirs, app)
            await their_objects(made, database_url)
            yield made


async def made(client: httpx.AsyncClient, path: str, body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, (path, answer.text)
    found: dict[str, Any] = answer.json()
    return found


async def their_objects(stage: Stage, database_url: str) -> None:
    """One object of every kind that has an id, each with the canary in it; in `ids` under the name of its parameter."""
    theirs, paths = stage.theirs, DOCUMENT["paths"]
    config = CONFIG | {"system_prompt": CANARY}
    agent = await made(theirs, "/v1/agents", {"agent_id": CANARY, "display_name": CANARY, "agent_config": config})
    submission = {"agent_id": CANARY, "input": CANARY, "labels": {"canary": CANARY}}
    batch = await made(theirs, "/v1/tasks/batch", {"tasks": [submission, submission]})
    task = await made(theirs, "/v1/tasks", submission)
    await theirs.post(f"/v1/tasks/{task['task_id']}/cancel")
    key = await made(theirs, "/v1/api-keys", {"name": CANARY, "roles": ["viewer"]})
    checkpoint_id = str(uuid.uuid4())
    TaskBook(database_url).rows(
        "insert into par.checkpoints (tenant_id, task_id, namespace, checkpoint_id, attempt, run_number, step_number,"
        " node_name, duration_ms, state, checksum, created_at)"
        " values ('theirs', %(task)s, '', %(id)s, 1, 1, 1, %(canary)s, 5, '', 0, par.now())",
        task=task["task_id"], id=checkpoint_id, canary=CANARY,
    )  # fmt: skip
    stage.ids = {
        "task_id": task["task_id"],
        "agent_id": agent["agent_id"],
        "batch_id": batch["batch_id"],
        "key_id": key["key_id"],
        "checkpoint_id": checkpoint_id,
        "filename": f"{CANARY}.txt",
        "version": "1",
        "tenant_id": "theirs",
        "label": f"canary={CANARY}",
        "q": CANARY,
    }
    if "/v1/tool-servers" in paths:
        server = {"name": CANARY, "url": "https://tools.example/mcp", "headers": {"x-canary": CANARY}}
        stage.ids["server_id"] = (await made(theirs, "/v1/tool-servers", server))["server_id"]
    if "/v1/langfuse-endpoints" in paths:
        body = BODIES["PUT /v1/langfuse-endpoints/{endpoint_id}"] | {"name": CANARY}
        stage.ids["endpoint_id"] = (await made(theirs, "/v1/langfuse-endpoints", body))["endpoint_id"]
    if "/v1/webhooks" in paths:
        body = BODIES["PUT /v1/webhooks/{webhook_id}"] | {"url": f"https://hooks.example/{CANARY}"}
        stage.ids["webhook_id"] = (await made(theirs, "/v1/webhooks", body))["webhook_id"]
        stage.ids["delivery_id"] = str(uuid.uuid4())


def missing(ids: dict[str, str]) -> dict[str, str]:
    """Ids of the same shapes that nobody has."""
    return {name: _other(value) for name, value in ids.items()} | {"version": "1", "filename": "nothing.txt"}


def _other(value: str) -> str:
    try:
        uuid.UUID(value)
    except ValueError:
        return value[::-1]
    return str(uuid.uuid4())


def comparable(answer: httpx.Response, ids: dict[str, str]) -> tuple[int, str, dict[str, str]]:
    """All of an answer but the ids that the request itself named."""
    text = answer.text
    for name, value in ids.items():
        text = text.replace(value, f"<{name}>") if name != "version" else text
    text = re.sub(r'"request_id":"\w+"', "", text)
    varying = ("x-request-id", "content-length")
    return answer.status_code, text, {name: value for name, value in answer.headers.items() if name not in varying}


async def test_their_ids_are_answered_like_ids_that_do_not_exist(stage: Stage) -> None:
    nothing = missing(stage.ids)
    asked = 0
    for operation in OPERATIONS:
        if not operation.ids or operation.shared:
            continue
        unknown = set(operation.ids) - set(stage.ids)
        assert not unknown, f"{operation.name}: say in their_objects how an object with {unknown} is made"
        body = {} if operation.method in ("GET", "DELETE") else {"json": BODIES.get(operation.name, {})}
        answers = [
            comparable(await stage.ours.request(operation.method, operation.filled(ids), **body), ids)
            for ids in (stage.ids, nothing)
        ]
        assert answers[0] == answers[1], operation.name
        assert answers[0][0] == 404, (operation.name, answers[0])
        asked += 1
    assert asked > 30
    for path in (f"/v1/tasks/{stage.ids['task_id']}", f"/v1/agents/{CANARY}"):
        assert CANARY in (await stage.theirs.get(path)).text, "the object was there all the time"


async def test_no_list_shows_what_is_theirs(stage: Stage) -> None:
    seen_by_them = 0
    for operation in OPERATIONS:
        if operation.method != "GET" or operation.ids:
            continue
        queries = [{}, *({name: stage.ids[name]} for name in operation.filters if name in stage.ids)]
        for chosen in queries:
            answer = await stage.ours.get(operation.path, params=chosen)
            text = answer.text.replace(CANARY, "", 1) if answer.status_code >= 400 else answer.text
            # Our own key carries the canary as its name, so only rows of theirs may not be there.
            assert "theirs" not in text, operation.name
            assert stage.ids["task_id"] not in text, operation.name
            if operation.path != "/v1/api-keys" and "audit" not in operation.path:
                assert CANARY not in text or answer.status_code >= 400, (operation.name, chosen)
        seen_by_them += CANARY in (await stage.theirs.get(operation.path)).text
    assert seen_by_them > 5, "with their own key they see it all"


async def test_a_cursor_of_theirs_leads_nowhere_else(stage: Stage) -> None:
    for operation in OPERATIONS:
        if operation.method != "GET" or operation.ids or "cursor" not in operation.filters or operation.shared:
            continue
        cursor = (await stage.theirs.get(operation.path, params={"limit": 1})).json().get("next_cursor")
        if cursor:
            answer = await stage.ours.get(operation.path, params={"limit": 200, "cursor": cursor})
            assert stage.ids["task_id"] not in answer.text
            assert "theirs" not in answer.text, operation.name


async def test_ids_in_bodies_reach_no_further(stage: Stage) -> None:
    nothing = missing(stage.ids)
    ours = await made(stage.ours, "/v1/agents", AGENT)
    own_task = (await made(stage.ours, "/v1/tasks", {"agent_id": ours["agent_id"], "input": "x"}))["task_id"]
    await stage.ours.post(f"/v1/tasks/{own_task}/cancel")

    def bodies(ids: dict[str, str]) -> list[tuple[str, str, Any]]:
        submission = {"agent_id": ids["agent_id"], "input": "x"}
        return [
            ("POST", "/v1/tasks", submission),
            ("POST", "/v1/tasks/batch", {"tasks": [{"agent_id": "research", "input": "x"}, submission]}),
            ("POST", "/v1/dead-letters/redrive", {"task_ids": [ids["task_id"]]}),
            ("POST", "/v1/dead-letters/redrive", {"agent_id": ids["agent_id"]}),
            ("POST", f"/v1/tasks/{own_task}/redrive", {"from_checkpoint_id": ids["checkpoint_id"]}),
            ("POST", f"/v1/tasks/{own_task}/fork", {"checkpoint_id": ids["checkpoint_id"]}),
            ("PATCH", "/v1/agents/research", {"agent_config": {"tool_servers": [ids["agent_id"]]}}),
            ("PATCH", "/v1/agents/research", {"agent_config": {"langfuse_endpoint_id": ids["batch_id"]}}),
        ]

    for theirs, absent in zip(bodies(stage.ids), bodies(nothing), strict=True):
        answers = [
            comparable(await stage.ours.request(method, path, json=body), ids)
            for (method, path, body), ids in ((theirs, stage.ids), (absent, nothing))
        ]
        assert answers[0] == answers[1], theirs
        if "dead-letters" not in theirs[1]:
            assert answers[0][0] in (404, 422), theirs
    status = (await stage.theirs.get(f"/v1/tasks/{stage.ids['task_id']}")).json()["status"]
    assert status == "dead_letter"


async def test_an_idempotency_key_is_of_one_tenant(stage: Stage) -> None:
    headers = {"Idempotency-Key": "the same"}
    mine, other = ({**AGENT, "agent_id": name} for name in ("mine", "other"))
    for _ in range(2):
        answers = [
            await client.post("/v1/agents", json=body, headers=headers)
            for client, body in ((stage.ours, mine), (stage.theirs, other))
        ]
        assert [(each.status_code, each.json()["agent_id"]) for each in answers] == [(201, "mine"), (201, "other")]


async def test_workers_are_seen_by_all_without_what_they_run(stage: Stage, database_url: str) -> None:
    """Workers are shared, so their lines are; whose tasks they run is nobody else's business."""
    TaskBook(database_url).rows(
        "insert into par.worker_sessions (worker_id, worker_pool_id, status, host, pid, version, capacity,"
        " running_tasks, lock_key, lease_expires_at) values ('w-1', 'shared', 'online', 'h', 1, '0', 4, 1, 1,"
        " par.now() + interval '1 hour')"
    )
    row = (await stage.ours.get("/v1/workers")).json()["items"][0]
    allowed = {
        "worker_id", "status", "pool", "running_tasks", "capacity", "last_heartbeat_at", "started_at", "version",
        "host", "pid",
    }  # fmt: skip
    assert set(row) <= allowed
    assert row["worker_id"] == "w-1"


async def test_row_level_security_holds_when_a_query_forgets_the_tenant(stage: Stage, database_url: str) -> None:
    book = TaskBook(database_url)
    tables = [row["t"] for row in book.rows(
        "select c.table_name as t from information_schema.columns c join information_schema.tables t using"
        " (table_schema, table_name) where c.table_schema = 'par' and c.column_name = 'tenant_id'"
        " and t.table_type = 'BASE TABLE' order by 1"
    )]  # fmt: skip
    full = [table for table in tables if book.rows(f"select 1 from par.{table} where tenant_id = 'theirs' limit 1")]
    assert {"tasks", "agents", "events", "queue", "runs", "api_keys", "audit_log", "task_labels"} <= set(full)
    async with Database(database_url, "par_api") as database:
        for table in tables:
            statement = f"select tenant_id from par.{table}".encode()
            async with database.transaction("ours") as connection:
                try:
                    rows = await (await connection.execute(statement)).fetchall()
                except psycopg.errors.InsufficientPrivilege:
                    continue
                assert {row["tenant_id"] for row in rows} <= {"ours"}, table
            async with database.transaction() as connection:
                assert await (await connection.execute(statement)).fetchall() == [], table


async def test_a_statement_that_forgets_its_where_still_finds_nothing_of_theirs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def without_tenant(room: str, name: str) -> bytes:
        text = query(room, name)
        if room == "tenant":
            return text
        changed = re.sub(rb"(?<=where )a\.tenant_id = %\(tenant_id\)s(?= and)", b"true", text)
        told.extend([name] if changed != text else [])
        return changed

    monkeypatch.setattr("agent_runtime.store.database.query", without_tenant)
    assert (await stage.ours.get(f"/v1/agents/{CANARY}")).status_code == 404
    assert (await stage.theirs.get(f"/v1/agents/{CANARY}")).status_code == 200
    assert "get_agent" in told, "the statement was really without its tenant"


async def test_the_tenant_of_a_transaction_ends_with_it(stage: Stage, database_url: str) -> None:
    """One connection serves tenants in turn, as a transaction pooler would have it."""
    async with Database(database_url, "par_api") as database:
        for tenant, found in (("theirs", {"theirs"}), ("ours", {"ours"}), (None, set())):
            async with database.transaction(tenant) as connection:
                rows = await fetch_all(connection, "tenant", "get_tenant", {"tenant_id": tenant or "theirs"})
                assert {row["tenant_id"] for row in rows} == found


async def test_writes_for_another_tenant_are_refused_by_the_database(stage: Stage, database_url: str) -> None:
    async with Database(database_url, "par_api") as database:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with database.transaction("ours") as connection:
                await connection.execute(
                    b"insert into par.audit_log (tenant_id, audit_id, actor, action, object_kind)"
                    b" values ('theirs', gen_random_uuid(), 'x', 'x', 'x')"
                )


def test_each_table_with_a_tenant_is_protected(database_url: str) -> None:
    rows = TaskBook(database_url).rows(
        "select c.relname, c.relrowsecurity and c.relforcerowsecurity as safe from pg_class c"
        " join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid"
        " where n.nspname = 'par' and c.relkind in ('r', 'p') and a.attname = 'tenant_id' and not a.attisdropped"
    )
    assert [row["relname"] for row in rows if not row["safe"]] == []
    assert len(rows) > 12


def test_the_requests_are_made_from_the_whole_document() -> None:
    assert json.dumps(sorted(DOCUMENT["paths"])) == json.dumps(sorted({each.path for each in OPERATIONS}))
