"""Server-Sent Events of one task: what the feed has for it, heartbeats in between, a clean end however it ends."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from agent_runtime.api.stream_frames import END, HEARTBEAT
from agent_runtime.api.task_feed import TaskFeed, Watcher

HEARTBEAT_SECONDS = 15.0
STANDSTILL_SECONDS = 30.0


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
        except (TimeoutError, ClientDisconnect, ExceptionGroup):
            return
        finally:
            self._feed.leave(self._watcher)


async def _events(watcher: Watcher) -> AsyncIterator[bytes]:
    yield b": open\n\n"
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                frames = await watcher.take()
        except TimeoutError:
            frames = HEARTBEAT
        if frames is None:
            yield END
            return
        yield frames
