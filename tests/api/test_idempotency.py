"""Every keyed route of `openapi.json`: one key has one effect and one answer, however many send it at the same time."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from agent_runtime.domain.identifier import new_id
from tests.api.conftest import AGENT
from tests.api.stand_in_worker import WORKER_ID, StandInWorker

DOCUMENT = json.loads((Path(__file__).parents[2] / "openapi.json").read_text())
KEYED = sorted(
    path
    for path, methods in DOCUMENT["paths"].items()
    if any(each["name"] == "Idempotency-Key" for each in methods.get("post", {}).get("parameters", ()))
)
AT_ONCE = 60
TASKS = "select count(*) from par.tasks"
RUNS = "select count(*) from par.runs"
AGENTS = "select count(*) from par.agents"
VERSIONS = "select count(*) from par.agent_versions"
MODELS = "select count(*) from par.models where provider = 'openai' and model_id = 'ours'"


@dataclass(frozen=True)
class Case:
    """What to send, what counts its effect, how large that is, and another body for the same key."""

    path: str
    body: dict[str, Any] | None
    effect: str
    size: int = 1
    other: dict[str, Any] | None = None


@dataclass(frozen=True)
class World:
    """What a case is prepared with."""

    api: httpx.AsyncClient
    worker: StandInWorker
    task_id: str


def moves(event_type: str) -> str:
    return f"select count(*) from par.events where event_type = '{event_type}'"


async def submit(world: World) -> Case:
    body = {"agent_id": "research", "input": "x"}
    return Case("/v1/tasks", body, TASKS, other={**body, "input": "y"})


async def batch(world: World) -> Case:
    one = {"agent_id": "research", "input": "x"}
    return Case("/v1/tasks/batch", {"tasks": [one] * 5}, TASKS, 5, other={"tasks": [one] * 4})


async def cancel(world: World) -> Case:
    return Case(f"/v1/tasks/{world.task_id}/cancel", None, moves("task_cancelled"))


async def redrive(world: World) -> Case:
    await world.worker.claim()
    await world.worker.fail(world.task_id)
    return Case(f"/v1/tasks/{world.task_id}/redrive", None, RUNS, other={"input": "y"})


async def redrive_many(world: World) -> Case:
    await world.worker.claim()
    await world.worker.fail(world.task_id)
    return Case("/v1/dead-letters/redrive", {"task_ids": [world.task_id]}, RUNS, other={"task_ids": [new_id()]})


async def follow_up(world: World) -> Case:
    await world.worker.claim()
    await world.worker.complete(world.task_id)
    return Case(f"/v1/tasks/{world.task_id}/follow-up", {"message": "more"}, RUNS, other={"message": "else"})


async def resume(world: World) -> Case:
    await world.worker.claim()
    await world.worker.pause(world.task_id)
    return Case(f"/v1/tasks/{world.task_id}/resume", None, moves("task_resumed"))


async def fork(world: World) -> Case:
    checkpoint_id = new_id()
    world.worker.execute(
        "insert into par.checkpoints (tenant_id, task_id, namespace, checkpoint_id, step_number, state, checksum,"
        " created_at) values ('default', %s, '', %s, 1, '{\"f\":{},\"c\":{},\"m\":{}}', -967587476, par.now())",
        world.task_id, checkpoint_id,
    )  # fmt: skip
    body = {"checkpoint_id": checkpoint_id}
    return Case(f"/v1/tasks/{world.task_id}/fork", body, TASKS, other={**body, "input": "y"})


async def expire_lease(world: World) -> Case:
    await world.worker.claim()
    moved = moves("task_reclaimed_after_lease_expiry")
    return Case(f"/v1/dev/tasks/{world.task_id}/expire-lease", None, moved)


async def force_dead_letter(world: World) -> Case:
    await world.worker.claim()
    return Case(f"/v1/dev/tasks/{world.task_id}/force-dead-letter", None, moves("task_dead_lettered"))


async def create_agent(world: World) -> Case:
    body = {**AGENT, "agent_id": None, "display_name": "Made"}
    return Case("/v1/agents", body, AGENTS, other={**body, "display_name": "Other"})


async def restore(world: World) -> Case:
    await world.api.patch("/v1/agents/research", json={"agent_config": {"system_prompt": "Two."}})
    return Case("/v1/agents/research/versions/1/restore", None, VERSIONS)


async def create_model(world: World) -> Case:
    body = {"provider": "openai", "model_id": "ours"}
    return Case("/v1/models", body, MODELS, other={**body, "input_price": 1})


async def discover_models(world: World) -> Case:
    return Case("/v1/models/discover", None, "select count(*) from par.audit_log where action = 'models_discovered'")


async def approve(world: World) -> Case:
    await world.worker.ask(world.task_id, "approval")
    return Case(f"/v1/tasks/{world.task_id}/approve", None, moves("task_approved"), other={"skip": True})


async def reject(world: World) -> Case:
    await world.worker.ask(world.task_id, "approval")
    body = {"reason": "no"}
    return Case(f"/v1/tasks/{world.task_id}/reject", body, moves("task_rejected"), other={"reason": "not so"})


async def respond(world: World) -> Case:
    await world.worker.ask(world.task_id, "input")
    body = {"message": "yes"}
    return Case(f"/v1/tasks/{world.task_id}/respond", body, moves("task_input_received"), other={"message": "or no"})


async def create_tenant(world: World) -> Case:
    body = {"tenant_id": "acme"}
    return Case("/v1/tenants", body, "select count(*) from par.tenants", other={"tenant_id": "other"})


async def create_tool_server(world: World) -> Case:
    body = {"name": "crm", "url": "https://tools.example/mcp"}
    return Case("/v1/tool-servers", body, "select count(*) from par.tool_servers", other={**body, "name": "other"})


async def approve_tools(world: World) -> Case:
    made = await world.api.post("/v1/tool-servers", json={"name": "crm", "url": "https://tools.example/mcp"})
    server_id = made.json()["server_id"]
    definition = json.dumps({"description": "x", "input_schema": {}, "annotations": None, "flags": []})
    world.worker.execute(
        "insert into par.tool_server_tools (tenant_id, server_id, name, place, seen, seen_hash)"
        " select 'default', %s, name, 1, %s::jsonb, repeat('a', 64) from (values ('pay'), ('refund')) as t(name)",
        server_id, definition,
    )  # fmt: skip
    approvals = "select count(*) from par.audit_log where action = 'tools_approved'"
    path = f"/v1/tool-servers/{server_id}/tools/approve"
    return Case(path, {"tools": ["pay"]}, approvals, other={"tools": ["refund"]})


async def drain(world: World) -> Case:
    asked = "select count(*) from par.worker_sessions where drain_requested"
    return Case(f"/v1/workers/{WORKER_ID}/drain", None, asked)


CASES: dict[str, Callable[[World], Awaitable[Case]]] = {
    "/v1/tasks": submit,
    "/v1/tasks/batch": batch,
    "/v1/tasks/{task_id}/cancel": cancel,
    "/v1/tasks/{task_id}/redrive": redrive,
    "/v1/dead-letters/redrive": redrive_many,
    "/v1/tasks/{task_id}/follow-up": follow_up,
    "/v1/tasks/{task_id}/resume": resume,
    "/v1/tasks/{task_id}/fork": fork,
    "/v1/dev/tasks/{task_id}/expire-lease": expire_lease,
    "/v1/dev/tasks/{task_id}/force-dead-letter": force_dead_letter,
    "/v1/agents": create_agent,
    "/v1/agents/{agent_id}/versions/{version}/restore": restore,
    "/v1/models": create_model,
    "/v1/models/discover": discover_models,
    "/v1/tasks/{task_id}/approve": approve,
    "/v1/tasks/{task_id}/reject": reject,
    "/v1/tasks/{task_id}/respond": respond,
    "/v1/tenants": create_tenant,
    "/v1/tool-servers": create_tool_server,
    "/v1/tool-servers/{server_id}/tools/approve": approve_tools,
    "/v1/workers/{worker_id}/drain": drain,
}


@pytest.fixture
async def world(api: httpx.AsyncClient, worker: StandInWorker, task: str) -> World:
    """A server with one queued task."""
    return World(api, worker, task)


def counted(database_url: str, statement: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return int(row[0]) if row else 0


# Their first answer has a secret that a repeat has not: tested in test_api_key.py and test_webhook.py; and tools of a
# server, which discovery must ask, in test_tool_server.py.
ELSEWHERE = {
    "/v1/api-keys",
    "/v1/api-keys/{key_id}/rotate",
    "/v1/tool-servers/{server_id}/discover",
    "/v1/webhooks",
    "/v1/webhooks/{webhook_id}/rotate-secret",
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
}


def test_every_post_honours_keys_and_every_keyed_route_is_tried() -> None:
    posts = {path for path, methods in DOCUMENT["paths"].items() if "post" in methods}
    assert posts == set(KEYED)
    assert set(CASES) | ELSEWHERE == posts
    assert not set(CASES) & ELSEWHERE


@pytest.mark.parametrize("route", CASES)
async def test_one_key_has_one_effect_and_one_answer(world: World, database_url: str, route: str) -> None:
    case = await CASES[route](world)
    before = counted(database_url, case.effect)
    headers = {"Idempotency-Key": f"key of {route}"}

    async def send(body: dict[str, Any] | None) -> httpx.Response:
        answer = await world.api.post(case.path, json=body, headers=headers)
        while answer.status_code == 503:
            # Too many at once for the connections of a busy machine: it says so, and the same key comes back.
            await asyncio.sleep(0.1)
            answer = await world.api.post(case.path, json=body, headers=headers)
        return answer

    answers = await asyncio.gather(*(send(case.body) for _ in range(AT_ONCE)))
    answers.append(await send(case.body))
    assert {answer.status_code for answer in answers} == {201 if answers[0].status_code == 201 else 200}
    assert len({json.dumps(answer.json(), sort_keys=True) for answer in answers}) == 1
    assert counted(database_url, case.effect) - before == case.size
    if case.other is not None:
        refused = await send(case.other)
        assert (refused.status_code, refused.json()["errors"][0]["loc"]) == (422, ["header", "Idempotency-Key"])
    assert counted(database_url, case.effect) - before == case.size


@pytest.mark.parametrize("route", KEYED)
async def test_a_refused_request_keeps_no_answer_and_takes_no_key(world: World, database_url: str, route: str) -> None:
    path = route
    for name in ("task_id", "agent_id", "worker_id"):
        path = path.replace(f"{{{name}}}", new_id())
    path = path.replace("{version}", "1")
    headers = {"Idempotency-Key": "refused"}
    answers = [await world.api.post(path, json={"no_such_field": 1}, headers=headers) for _ in range(2)]
    assert {answer.status_code for answer in answers} <= {400, 404, 405, 409, 415, 422}
    assert answers[0].status_code == answers[1].status_code
    kept = "select count(*) from par.idempotency_keys where idempotency_key = 'refused'"
    assert counted(database_url, kept) == 0


async def test_a_key_is_forgotten_after_a_day(world: World, database_url: str) -> None:
    headers, discovered = {"Idempotency-Key": "daily"}, (await discover_models(world)).effect
    aged = "update par.idempotency_keys set created_at = par.now() - make_interval(hours => %s)"
    for hours, acted in ((0, 1), (23, 1), (25, 2)):
        world.worker.execute(aged, hours)
        assert (await world.api.post("/v1/models/discover", headers=headers)).status_code == 200
        assert counted(database_url, discovered) == acted, f"after {hours} hours"
