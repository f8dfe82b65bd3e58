"""Customers' tool servers: register, read, change, forget, ask for their tools, approve them."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.answer import answer, answered_before, no_content, once
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.request_body import read_body
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.fields import Identifier
from agent_runtime.api.schemas.lists import PageQuery
from agent_runtime.api.schemas.task import NoFields
from agent_runtime.api.schemas.tool_server import (
    ApproveToolsRequest,
    DiscoveredTools,
    ToolServer,
    ToolServerPage,
    ToolServerRequest,
    UsedToolServer,
)
from agent_runtime.api.tool_server_discovery import asked, discovered
from agent_runtime.api.tool_server_rules import approved_names, require_usable, shown, shown_in_list, values_of
from agent_runtime.domain.identifier import new_id
from agent_runtime.store import audit
from agent_runtime.store import tool_server as store
from agent_runtime.store.database import Connection
from agent_runtime.store.idempotency import KeptAnswer
from agent_runtime.tool_servers import registered

router = APIRouter(tags=["tool servers"])
ServerId = Annotated[Identifier, Path()]
_KIND = "tool_server"


@router.post(
    "/v1/tool-servers", **describe(ToolServer, body=ToolServerRequest, status=201, keyed=True, scope="configure")
)
async def create_tool_server(request: Request) -> Response:
    """Register a server. It is not asked for anything yet."""
    body = await read_body(request, ToolServerRequest)
    require_usable(body)
    caller, server_id = caller_of(request), new_id()

    async def act(connection: Connection) -> KeptAnswer:
        await store.insert_server(connection, caller.tenant_id, server_id, values_of(body))
        await _keep_token(request, connection, server_id, body)
        made = shown(await store.read_server(connection, caller.tenant_id, server_id))
        await audit.record(
            connection, caller.tenant_id, caller.name, "tool_server_created", _KIND, server_id, None, made
        )
        return KeptAnswer(201, made)

    return await once(request, body, act)


@router.get("/v1/tool-servers", **describe(ToolServerPage))
async def list_tool_servers(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
    """Tool servers, oldest first, their tools without schemas."""
    listing = Listing("tool_servers", {"created_at": "time", "server_id": "uuid"})
    after = listing.after(query.cursor)
    database, tenant_id = runtime_of(request).database, caller_of(request).tenant_id
    rows = await store.list_servers(database, tenant_id, after, query.limit + 1)
    return answer(listing.page(rows, query.limit, [shown_in_list(row) for row in rows]))


@router.get("/v1/tool-servers/{server_id}", **describe(UsedToolServer))
async def get_tool_server(request: Request, server_id: ServerId) -> Response:
    """One tool server with its tools as approved, and the agents that would miss it."""
    tenant_id = caller_of(request).tenant_id
    async with runtime_of(request).database.transaction(tenant_id) as connection:
        server = shown(await store.read_server(connection, tenant_id, server_id))
        return answer(server | {"agents": await store.agents_using(connection, tenant_id, server["name"])})


@router.put("/v1/tool-servers/{server_id}", **describe(ToolServer, body=ToolServerRequest, scope="configure"))
async def replace_tool_server(request: Request, server_id: ServerId) -> Response:
    """Set a whole server; what is absent takes its default, an absent token stays while the origin is the same."""
    body = await read_body(request, ToolServerRequest)
    caller = caller_of(request)
    async with runtime_of(request).database.transaction(caller.tenant_id) as connection:
        before = await store.read_server(connection, caller.tenant_id, server_id, lock=True)
        require_usable(body, before)
        await store.update_server(connection, caller.tenant_id, server_id, values_of(body))
        await _keep_token(request, connection, server_id, body)
        after = shown(await store.read_server(connection, caller.tenant_id, server_id))
        await audit.record(
            connection, caller.tenant_id, caller.name, "tool_server_updated", _KIND, server_id, shown(before), after
        )
        return answer(after)


@router.delete("/v1/tool-servers/{server_id}", **describe(None, status=204, scope="configure"))
async def delete_tool_server(request: Request, server_id: ServerId) -> Response:
    """Forget a server; tasks of agents that name it then fail."""
    caller = caller_of(request)
    async with runtime_of(request).database.transaction(caller.tenant_id) as connection:
        was = await store.delete_server(connection, caller.tenant_id, server_id)
        await registered.keep_token(
            connection, runtime_of(request).secrets, caller.tenant_id, server_id, None, wanted=False
        )
        await audit.record(connection, caller.tenant_id, caller.name, "tool_server_deleted", _KIND, server_id, was)
    return no_content()


@router.post(
    "/v1/tool-servers/{server_id}/discover",
    **describe(DiscoveredTools, body=NoFields, keyed=True, scope="configure"),
)
async def discover_tools(request: Request, server_id: ServerId) -> Response:
    """Ask the server for its tools now; the first list is approved thereby. A failed try keeps nothing for its key."""
    body = await read_body(request, NoFields)
    if (replayed := await answered_before(request, body)) is not None:
        return replayed
    runtime, tenant_id = runtime_of(request), caller_of(request).tenant_id
    row = await store.connection_of(runtime.database, tenant_id, server_id)
    found, error = await asked(runtime, tenant_id, row)
    if found is None:
        return answer(discovered(row, row["tools"], None, error))

    async def act(connection: Connection) -> KeptAnswer:
        tools = await store.keep_seen(connection, tenant_id, server_id, found.tools)
        return KeptAnswer(200, discovered(row, tools, found, None))

    return await once(request, body, act)


@router.post(
    "/v1/tool-servers/{server_id}/tools/approve",
    **describe(ToolServer, body=ApproveToolsRequest, keyed=True, scope="configure"),
)
async def approve_tools(request: Request, server_id: ServerId) -> Response:
    """Accept changed or new tools as they were last seen."""
    body = await read_body(request, ApproveToolsRequest)
    caller = caller_of(request)

    async def act(connection: Connection) -> KeptAnswer:
        before = await store.read_server(connection, caller.tenant_id, server_id, lock=True)
        names = approved_names(before, body)
        await store.approve_tools(connection, caller.tenant_id, server_id, names)
        after = shown(await store.read_server(connection, caller.tenant_id, server_id))
        await audit.record(
            connection, caller.tenant_id, caller.name, "tools_approved", _KIND, server_id, None, {"tools": names}
        )
        return KeptAnswer(200, after)

    return await once(request, body, act)


async def _keep_token(request: Request, connection: Connection, server_id: str, body: ToolServerRequest) -> None:
    secrets, tenant_id = runtime_of(request).secrets, caller_of(request).tenant_id
    wanted = body.auth_type == "bearer_token"
    await registered.keep_token(connection, secrets, tenant_id, server_id, body.auth_token, wanted=wanted)
