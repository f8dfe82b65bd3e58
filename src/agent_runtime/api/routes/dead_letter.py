"""Dead letters: what failed for good, grouped by cause, and sent round again."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime import fault_points
from agent_runtime.api.answer import answer, once
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.problem import FieldError, invalid
from agent_runtime.api.request_body import read_body
from agent_runtime.api.routes.task_action import give_hints
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.answers import DeadLetterGroups, Redriven, TaskPage
from agent_runtime.api.schemas.fields import AgentReference
from agent_runtime.api.schemas.lists import DeadLetterQuery, PageQuery
from agent_runtime.api.schemas.task import DeadLetterRedriveRequest
from agent_runtime.api.task_view import list_row
from agent_runtime.store import audit
from agent_runtime.store import dead_letter as store
from agent_runtime.store.database import Connection, Row
from agent_runtime.store.dead_letter import DeadLetterFilter
from agent_runtime.store.idempotency import KeptAnswer
from agent_runtime.store.task import list_rows

router = APIRouter(tags=["dead letters"])
DEFAULT_LIMIT = 100


class GroupQuery(PageQuery):
    """Filters of the groups."""

    agent_id: AgentReference | None = None


@router.get("/v1/tasks/dead-letter", **describe(TaskPage))
@router.get("/v1/dead-letters", **describe(TaskPage))
async def list_dead_letters(request: Request, query: Annotated[DeadLetterQuery, Query()]) -> Response:
    """Dead letters, newest first."""
    listing = Listing("dead_letters", {"dead_lettered_at": "time", "task_id": "uuid"}, query.filters())
    before = listing.after(query.cursor)
    database, tenant_id = runtime_of(request).database, caller_of(request).tenant_id
    chosen = DeadLetterFilter(query.agent_id, query.reason, query.fingerprint)
    keys = await store.page(database, tenant_id, chosen, before, query.limit + 1)
    rows = await list_rows(database, tenant_id, [str(key["task_id"]) for key in keys[: query.limit]])
    return answer(listing.page(keys, query.limit, [list_row(row) for row in rows]))


@router.get("/v1/dead-letters/groups", **describe(DeadLetterGroups))
async def list_groups(request: Request, query: Annotated[GroupQuery, Query()]) -> Response:
    """Dead letters grouped by their cause, the one seen last first."""
    listing = Listing("dead_letter_groups", {"last_seen_at": "time", "fingerprint": "text"}, query.filters())
    before = listing.after(query.cursor)
    database, tenant_id = runtime_of(request).database, caller_of(request).tenant_id
    rows = await store.groups(database, tenant_id, query.agent_id, before, query.limit + 1)
    return answer(listing.page(rows, query.limit))


@router.post(
    "/v1/dead-letters/redrive", **describe(Redriven, body=DeadLetterRedriveRequest, keyed=True, scope="submit")
)
async def redrive_dead_letters(request: Request) -> Response:
    """Send many dead letters round again: those named, or those of one cause or agent."""
    body = await read_body(request, DeadLetterRedriveRequest)
    _require_one_way(body)
    caller = caller_of(request)
    tenant_id = caller.tenant_id
    landed: list[Row] = []

    async def act(connection: Connection) -> KeptAnswer:
        chosen = DeadLetterFilter(body.agent_id, None, body.fingerprint)
        task_ids = body.task_ids or await store.alike(connection, tenant_id, chosen, body.limit or DEFAULT_LIMIT)
        rows, skipped = await store.redrive_many(connection, tenant_id, task_ids)
        landed.extend(rows)
        await audit.record_alike(
            connection,
            tenant_id,
            caller.name,
            "task_redriven",
            "task",
            {str(row["task_id"]): ({"status": "dead_letter"}, {"status": row["to_status"]}) for row in rows},
        )
        redriven: dict[str, Any] = {"redriven": sorted(str(row["task_id"]) for row in rows), "skipped": skipped}
        return KeptAnswer(200, redriven)

    response = await once(request, body, act)
    if landed:
        fault_points.reach("redrive.committed")
    for row in landed:
        give_hints(request, row, None)
    return response


def _require_one_way(body: DeadLetterRedriveRequest) -> None:
    alike = body.fingerprint is not None or body.agent_id is not None
    if (body.task_ids is not None) == alike:
        message = "give either task_ids, or fingerprint and agent_id"
        raise invalid([FieldError(("body", "task_ids"), message)], status=400)
    if body.task_ids is not None and body.limit is not None:
        raise invalid([FieldError(("body", "limit"), "goes with fingerprint or agent_id only")], status=400)
