"""The history of an agent's configuration."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.agent_rules import checked_config, parsed_config
from agent_runtime.api.answer import answer, answered_before, once
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.request_body import read_body
from agent_runtime.api.routes.agent import updated
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.answers import Agent, AnyPage
from agent_runtime.api.schemas.fields import AgentReference
from agent_runtime.api.schemas.lists import PageQuery, Whole
from agent_runtime.api.schemas.task import NoFields
from agent_runtime.store import agent as store
from agent_runtime.store.agent import AgentValues
from agent_runtime.store.database import Connection
from agent_runtime.store.idempotency import KeptAnswer

router = APIRouter(tags=["agents"])
Version = Annotated[Whole, Path(ge=1, le=2_147_483_647)]


@router.get("/v1/agents/{agent_id}/versions", **describe(AnyPage))
async def list_versions(request: Request, agent_id: AgentReference, query: Annotated[PageQuery, Query()]) -> Response:
    """The configurations that the agent has had, oldest first."""
    listing = Listing("agent_versions", {"version": "int"}, {"agent_id": agent_id})
    after = listing.after(query.cursor) or (0,)
    database, tenant_id = runtime_of(request).database, caller_of(request).tenant_id
    rows = await store.list_versions(database, tenant_id, agent_id, after[0], query.limit + 1)
    return answer(listing.page(rows, query.limit))


@router.post(
    "/v1/agents/{agent_id}/versions/{version}/restore", **describe(Agent, body=NoFields, keyed=True, scope="configure")
)
async def restore_version(request: Request, agent_id: AgentReference, version: Version) -> Response:
    """Make an earlier configuration the current one again, as a new version; what this server lacks by now is named."""
    body = await read_body(request, NoFields)
    if (replayed := await answered_before(request, body)) is not None:
        return replayed
    caller, runtime = caller_of(request), runtime_of(request)
    earlier = await store.get_version(runtime.database, caller.tenant_id, agent_id, version)
    config = await checked_config(runtime, caller.tenant_id, parsed_config(earlier))

    async def act(connection: Connection) -> KeptAnswer:
        current = await store.lock_agent(connection, caller.tenant_id, agent_id)
        kept = {name: current[name] for name in AgentValues.__dataclass_fields__}
        values = AgentValues(**kept | {"agent_config": config})
        return KeptAnswer(200, await updated(connection, caller, current, values, "agent_version_restored"))

    return await once(request, body, act)
