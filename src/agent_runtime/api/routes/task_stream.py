"""The live stream of a task."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.event_stream import TaskStream
from agent_runtime.api.openapi import describe
from agent_runtime.api.problem import Problem, invalid_field
from agent_runtime.api.routes.task_action import require_task
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.fields import Identifier
from agent_runtime.api.task_feed import TooManyStreams

router = APIRouter(tags=["tasks"])
_LARGEST = (1 << 62) - 1
_RETRY_SECONDS = 5


@router.get("/v1/tasks/{task_id}/stream", **describe(None, media_type="text/event-stream"))
async def stream_task(
    request: Request, task_id: Identifier, last_event_id: Annotated[str | None, Query(max_length=20)] = None
) -> Response:
    """Events, turns, tool calls and live tokens as they happen, after `Last-Event-ID`, until the task ends."""
    seen = _seen(request.headers.get("last-event-id") or last_event_id)
    await require_task(request, task_id)
    feed = runtime_of(request).feed
    try:
        return TaskStream(feed, feed.watch(caller_of(request).tenant_id, task_id, seen))
    except TooManyStreams as error:
        headers = {"Retry-After": str(_RETRY_SECONDS)}
        raise Problem(429, f"{error}: close some, or read the events by page", headers=headers) from None


def _seen(text: str | None) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal()) or int(text) > _LARGEST:
        raise invalid_field(("header", "Last-Event-ID"), "must be the id of an event of this stream")
    return int(text)
