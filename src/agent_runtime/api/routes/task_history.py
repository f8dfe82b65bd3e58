"""What happened to a task: events, runs, checkpoints, and the timeline for people."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.answer import answer
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.routes.task_action import require_task
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.answers import ActivityPage, CheckpointPage, EventPage, RunPage
from agent_runtime.api.schemas.fields import Identifier
from agent_runtime.api.schemas.lists import PageQuery
from agent_runtime.api.task_view import activity_item, cut_texts
from agent_runtime.store.checkpoint_view import list_checkpoints
from agent_runtime.store.event import list_activity, list_events
from agent_runtime.store.run import list_runs

router = APIRouter(tags=["tasks"])
Page = Annotated[PageQuery, Query()]
_AT_ONCE = 50


@router.get("/v1/tasks/{task_id}/events", **describe(EventPage))
async def get_events(request: Request, task_id: Identifier, query: Page) -> Response:
    """The lifecycle history, oldest first."""
    listing = Listing("events", {"sequence": "int"}, {"task_id": task_id})
    after = listing.after(query.cursor) or (-1,)
    tenant_id, database = caller_of(request).tenant_id, runtime_of(request).database
    rows = await list_events(database, tenant_id, task_id, after[0], query.limit + 1)
    if not rows:
        await require_task(request, task_id)
    return answer(listing.page(rows, query.limit))


@router.get("/v1/tasks/{task_id}/activity", **describe(ActivityPage))
async def get_activity(request: Request, task_id: Identifier, query: Page) -> Response:
    """Messages, tool calls, results and events in one timeline, oldest first."""
    listing = Listing("activity", {"sequence": "int"}, {"task_id": task_id})
    after = listing.after(query.cursor) or (-1,)
    tenant_id, database = caller_of(request).tenant_id, runtime_of(request).database
    items: list[dict[str, Any]] = []
    # A few at a time: their stored messages may be long, the items are cut.
    while len(items) <= query.limit:
        wanted = min(_AT_ONCE, query.limit + 1 - len(items))
        seen = items[-1]["sequence"] if items else after[0]
        rows = await list_activity(database, tenant_id, task_id, seen, wanted)
        items += [activity_item(row) for row in rows]
        if len(rows) < wanted:
            break
    if not items:
        await require_task(request, task_id)
    return answer(listing.page(items, query.limit))


@router.get("/v1/tasks/{task_id}/runs", **describe(RunPage))
async def get_runs(request: Request, task_id: Identifier, query: Page) -> Response:
    """The runs, oldest first; their texts come cut as in any list."""
    listing = Listing("runs", {"number": "int"}, {"task_id": task_id})
    after = listing.after(query.cursor) or (0,)
    tenant_id, database = caller_of(request).tenant_id, runtime_of(request).database
    rows = await list_runs(database, tenant_id, task_id, after[0], query.limit + 1)
    if not rows:
        await require_task(request, task_id)
    return answer(listing.page(rows, query.limit, [cut_texts(row) for row in rows]))


@router.get("/v1/tasks/{task_id}/checkpoints", **describe(CheckpointPage))
async def get_checkpoints(request: Request, task_id: Identifier, query: Page) -> Response:
    """The durable steps, oldest first."""
    listing = Listing("checkpoints", {"checkpoint_id": "uuid"}, {"task_id": task_id})
    after = listing.after(query.cursor) or (None,)
    tenant_id, database = caller_of(request).tenant_id, runtime_of(request).database
    rows = await list_checkpoints(database, tenant_id, task_id, after[0], query.limit + 1)
    if not rows:
        await require_task(request, task_id)
    return answer(listing.page(rows, query.limit))
