"""Server-Sent Events of one task (WHATWG HTML, "Server-sent events"): durable items with an id, live tokens without."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from agent_runtime.api.json_text import to_json
from agent_runtime.api.task_feed import TaskFeed, Watcher
from agent_runtime.api.task_view import activity_item, lifecycle_event
from agent_runtime.store.database import Row

HEARTBEAT_SECONDS = 15.0
STANDSTILL_SECONDS = 30.0
_NAMES = {
    "event": "lifecycle",
    "user_turn": "turn",
    "model_turn": "turn",
    "tool_call": "tool_call",
    "tool_result": "tool_result",
    "compaction": "compaction",
}


class TaskStream(StreamingResponse):
    """The answer of a stream; it leaves the feed however it ends."""

    def __init__(self, feed: TaskFeed, watcher: Watcher) -> None:
        self._feed = feed
        self._watcher = watcher
        headers = {"X-Accel-Buffering": "no"}
        super().__init__(_events(watcher), media_type="text/event-stream", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Any) -> None:
            # A reader that takes nothing for this long is dropped: what it misses, it gets again by Last-Event-ID.
            async with asyncio.timeout(STANDSTILL_SECONDS):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except (TimeoutError, ExceptionGroup):
            return
        finally:
            self._feed.leave(self._watcher)


async def _events(watcher: Watcher) -> AsyncIterator[bytes]:
    yield b": open\n\n"
    while True:
        parts = await _next_parts(watcher)
        yield b"".join(_written(part) for part in parts if part is not None) or b": alive\n\n"
        if parts and parts[-1] is None:
            yield b"event: end\ndata: {}\n\n"
            return


async def _next_parts(watcher: Watcher) -> list[Row | None]:
    """All that waits, at least one; nothing when a heartbeat is due."""
    try:
        async with asyncio.timeout(HEARTBEAT_SECONDS):
            parts = [await watcher.waiting.get()]
    except TimeoutError:
        return []
    while not watcher.waiting.empty() and parts[-1] is not None:
        parts.append(watcher.waiting.get_nowait())
    watcher.moved_at = time.monotonic()
    return parts


def _written(row: Row) -> bytes:
    if row["kind"] == "token":
        return b"event: token\ndata: " + to_json({"text": row["text"], "attempt": row["attempt"]}) + b"\n\n"
    data = lifecycle_event(row) if row["kind"] == "event" else activity_item(row)
    name = _NAMES[row["kind"]]
    return b"event: %s\nid: %d\ndata: %s\n\n" % (name.encode(), row["sequence"], to_json(data))
