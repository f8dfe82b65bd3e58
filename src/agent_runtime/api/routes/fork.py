"""Forks: a new task that starts at a checkpoint of another, with other input, model, prompt or tools."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.agent_rules import checked_config, parsed_config
from agent_runtime.api.answer import answered_before, once
from agent_runtime.api.openapi import describe
from agent_runtime.api.problem import FieldError, Problem
from agent_runtime.api.request_body import read_body
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.answers import Task
from agent_runtime.api.schemas.fields import Identifier
from agent_runtime.api.schemas.task import ForkRequest
from agent_runtime.checkpointer.holdings import holdings_of
from agent_runtime.domain.errors import Conflict, StateCorrupt
from agent_runtime.domain.identifier import new_id
from agent_runtime.domain.merge_patch import merged
from agent_runtime.store import audit
from agent_runtime.store import fork as store
from agent_runtime.store import task as task_store
from agent_runtime.store.database import Connection, Row
from agent_runtime.store.fork import Fork
from agent_runtime.store.idempotency import KeptAnswer

router = APIRouter(tags=["tasks"])


@router.post("/v1/tasks/{task_id}/fork", **describe(Task, body=ForkRequest, status=201, keyed=True, scope="submit"))
async def fork_task(request: Request, task_id: Identifier) -> Response:
    """Start a new task at a checkpoint of this one; by default it asks before tools that are not safe to repeat."""
    body = await read_body(request, ForkRequest)
    caller, runtime = caller_of(request), runtime_of(request)
    tenant_id = caller.tenant_id
    if (replayed := await answered_before(request, body)) is not None:
        return replayed
    async with runtime.database.transaction(tenant_id) as connection:
        source = await store.source(connection, tenant_id, task_id)
    own_config = await _own_config(request, source, body)
    new_task_id, pools = new_id(), list[str]()

    async def act(connection: Connection) -> KeptAnswer:
        fork = Fork(
            tenant_id,
            task_id,
            body.checkpoint_id,
            new_task_id,
            new_id(),
            own_config,
            body.input,
            body.asks_before_unsafe,
        )
        pools.append(await _make(connection, fork))
        made = {"parent_task_id": task_id, "checkpoint_id": body.checkpoint_id, "agent_config": body.agent_config}
        await audit.record(connection, tenant_id, caller.name, "task_forked", "task", new_task_id, None, made)
        return KeptAnswer(201, await task_store.read_task(connection, tenant_id, new_task_id))

    response = await once(request, body, act)
    for pool in pools:
        runtime.hints.new_work(pool)
    return response


async def _own_config(request: Request, source: Row, body: ForkRequest) -> dict[str, Any] | None:
    """The configuration of a fork that has another than its agent's version. Raises Problem 422 naming the field."""
    config: dict[str, Any] = source["agent_config"]
    if body.agent_config:
        tenant_id = caller_of(request).tenant_id
        given = parsed_config(merged(config, body.agent_config))
        config = await checked_config(runtime_of(request), tenant_id, given)
    return None if config == source["version_config"] else config


async def _make(connection: Connection, fork: Fork) -> str:
    source = await store.source(connection, fork.tenant_id, fork.source_id)
    if source["agent_status"] != "active":
        message = f"agent {source['agent_id']!r} is disabled and takes no new tasks"
        raise Problem(409, message, [FieldError(("body", "checkpoint_id"), message)])
    try:
        holdings = await holdings_of(connection, fork.tenant_id, fork.source_id, fork.checkpoint_id)
    except StateCorrupt as error:
        raise Conflict(f"nothing can start at this checkpoint: {error}", code="state_corrupt") from error
    made = None if holdings is None else await store.make(connection, fork, holdings)
    if made is None:
        message = f"the task has no checkpoint {fork.checkpoint_id!r}"
        raise Problem(404, f"checkpoint_id: {message}", [FieldError(("body", "checkpoint_id"), message)])
    return str(made["worker_pool_id"])
