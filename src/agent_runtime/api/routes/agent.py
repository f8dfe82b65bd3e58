"""Agents: create, read, list, change, disable."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.agent_rules import changed_values, id_from_name, require_same, values_of
from agent_runtime.api.answer import answer, no_content, once
from agent_runtime.api.auth import Caller
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.request_body import read_body
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.agent import ChangeAgentRequest, CreateAgentRequest, ReplaceAgentRequest
from agent_runtime.api.schemas.answers import Agent, AnyPage
from agent_runtime.api.schemas.fields import AgentReference
from agent_runtime.api.schemas.lists import AgentQuery
from agent_runtime.store import agent as store
from agent_runtime.store import audit
from agent_runtime.store.agent import AgentValues
from agent_runtime.store.database import Connection, Row
from agent_runtime.store.idempotency import KeptAnswer

router = APIRouter(tags=["agents"])


@router.post("/v1/agents", **describe(Agent, body=CreateAgentRequest, status=201, keyed=True, scope="configure"))
async def create_agent(request: Request) -> Response:
    """Create an agent."""
    body = await read_body(request, CreateAgentRequest)
    agent_id = body.agent_id or id_from_name(body.display_name)
    caller = caller_of(request)
    values = await values_of(runtime_of(request), caller.tenant_id, body, agent_id)

    async def act(connection: Connection) -> KeptAnswer:
        await store.insert_agent(connection, caller.tenant_id, agent_id, values, caller.name)
        made = await store.read_agent(connection, caller.tenant_id, agent_id)
        await audit.record(connection, caller.tenant_id, caller.name, "agent_created", "agent", agent_id, None, made)
        return KeptAnswer(201, made)

    return await once(request, body, act)


@router.get("/v1/agents", **describe(AnyPage))
async def list_agents(request: Request, query: Annotated[AgentQuery, Query()]) -> Response:
    """Agents, oldest first."""
    listing = Listing("agents", {"created_at": "time", "agent_id": "text"}, query.filters())
    after = listing.after(query.cursor)
    database, tenant_id = runtime_of(request).database, caller_of(request).tenant_id
    rows = await store.list_agents(database, tenant_id, query.status, after, query.limit + 1)
    return answer(listing.page(rows, query.limit))


@router.get("/v1/agents/{agent_id}", **describe(Agent))
async def get_agent(request: Request, agent_id: AgentReference) -> Response:
    """One agent."""
    return answer(await store.get_agent(runtime_of(request).database, caller_of(request).tenant_id, agent_id))


@router.put("/v1/agents/{agent_id}", **describe(Agent, body=ReplaceAgentRequest, scope="configure"))
async def replace_agent(request: Request, agent_id: AgentReference) -> Response:
    """Set a whole agent; what is absent takes its default."""
    body = await read_body(request, ReplaceAgentRequest)
    caller, runtime = caller_of(request), runtime_of(request)
    values = await values_of(runtime, caller.tenant_id, body, agent_id)
    async with runtime.database.transaction(caller.tenant_id) as connection:
        current = await store.lock_agent(connection, caller.tenant_id, agent_id)
        require_same(current, body)
        return answer(await updated(connection, caller, current, values))


@router.patch("/v1/agents/{agent_id}", **describe(Agent, body=ChangeAgentRequest, scope="configure"))
async def change_agent(request: Request, agent_id: AgentReference) -> Response:
    """Change what is given; `agent_config` is merged."""
    body = await read_body(request, ChangeAgentRequest)
    caller, runtime = caller_of(request), runtime_of(request)
    async with runtime.database.transaction(caller.tenant_id) as connection:
        current = await store.lock_agent(connection, caller.tenant_id, agent_id)
        require_same(current, body)
        values = await changed_values(runtime, caller.tenant_id, current, body)
        return answer(await updated(connection, caller, current, values))


@router.delete("/v1/agents/{agent_id}", **describe(None, status=204, scope="configure"))
async def disable_agent(request: Request, agent_id: AgentReference) -> Response:
    """Disable an agent: it takes no new tasks, and its queued ones wait."""
    caller, runtime = caller_of(request), runtime_of(request)
    async with runtime.database.transaction(caller.tenant_id) as connection:
        current = await store.lock_agent(connection, caller.tenant_id, agent_id)
        if current["status"] != "disabled":
            values = AgentValues(
                **{name: current[name] for name in AgentValues.__dataclass_fields__} | {"status": "disabled"}
            )
            await updated(connection, caller, current, values, "agent_disabled")
    return no_content()


async def updated(
    connection: Connection, caller: Caller, current: Row, values: AgentValues, action: str = "agent_updated"
) -> Row:
    """Give a locked agent new values, note who did it, and answer the agent as it is now."""
    tenant_id, agent_id = caller.tenant_id, current["agent_id"]
    await store.update_agent(connection, tenant_id, current, values, caller.name)
    now = await store.read_agent(connection, tenant_id, agent_id)
    await audit.record(connection, tenant_id, caller.name, action, "agent", agent_id, current, now)
    return now
