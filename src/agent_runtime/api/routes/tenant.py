"""Tenants, for the operator of the whole system."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.answer import answer, once
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.request_body import read_body
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.api_key import CreateTenantRequest, Tenant, TenantPage
from agent_runtime.api.schemas.lists import PageQuery
from agent_runtime.store import audit
from agent_runtime.store import tenant as store
from agent_runtime.store.database import Connection
from agent_runtime.store.idempotency import KeptAnswer

router = APIRouter(tags=["access"])


@router.post(
    "/v1/tenants",
    **describe(Tenant, body=CreateTenantRequest, status=201, keyed=True, scope="admin", operator_only=True),
)
async def create_tenant(request: Request) -> Response:
    """Make a tenant: its agents, tasks and keys are apart from all others'."""
    body = await read_body(request, CreateTenantRequest)
    caller = caller_of(request)

    async def act(connection: Connection) -> KeptAnswer:
        made = await store.insert_tenant(connection, body.tenant_id, body.display_name or body.tenant_id)
        await audit.record(
            connection, caller.tenant_id, caller.name, "tenant_created", "tenant", body.tenant_id, None, made
        )
        return KeptAnswer(201, made)

    return await once(request, body, act)


@router.get("/v1/tenants", **describe(TenantPage, scope="admin", operator_only=True))
async def list_tenants(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
    """All tenants, oldest first."""
    listing = Listing("tenants", {"created_at": "time", "tenant_id": "text"})
    after = listing.after(query.cursor)
    rows = await store.list_tenants(runtime_of(request).database, after, query.limit + 1)
    return answer(listing.page(rows, query.limit))
