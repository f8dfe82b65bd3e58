"""Who did what in the caller's tenant."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.answer import answer
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.api_key import AuditPage, AuditQuery
from agent_runtime.store import audit as store
from agent_runtime.store.audit import AuditFilter

router = APIRouter(tags=["access"])


@router.get("/v1/audit", **describe(AuditPage, scope="admin"))
async def list_audit(request: Request, query: Annotated[AuditQuery, Query()]) -> Response:
    """The audit log, newest first."""
    listing = Listing("audit", {"audit_id": "uuid"}, query.filters())
    before = listing.after(query.cursor)
    chosen = AuditFilter(**query.model_dump(exclude={"limit", "cursor"}))
    rows = await store.page(
        runtime_of(request).database,
        caller_of(request).tenant_id,
        chosen,
        before[0] if before else None,
        query.limit + 1,
    )
    return answer(listing.page(rows, query.limit))
