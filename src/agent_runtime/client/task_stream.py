"""Follows one task live over `/v1/tasks/{id}/stream`, across dropped connections and restarts of the server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx

from agent_runtime.client.connection import Connection, JsonObject, failure_of, segment
from agent_runtime.client.errors import ClientError, RequestFailed, ServerUnreachable
from agent_runtime.client.event_stream import EventStreamParser, ServerSentEvent
from agent_runtime.client.retry import RETRIED_STATUSES

END = "end"
_SHORTEST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0


@dataclass(frozen=True)
class StreamEvent:
    """What happened: `kind` is the event's name, `data` its activity item or lifecycle event.

    `sequence` orders the durable events and is None for live tokens and for the closing `end`.
    """

    kind: str
    data: JsonObject
    sequence: int | None = None


@dataclass(frozen=True)
class StreamOptions:
    """Where to begin and how long to bear silence.

    after: sequence of the last event that the caller has seen (None: from the beginning).
    patience_seconds: how long the server may stay away before the reader gives up.
    silence_seconds: after this long without a byte the connection counts as dead and is made again.
    on_reconnect: told the reason each time the connection was lost.
    """

    after: int | None = None
    patience_seconds: float = 60.0
    silence_seconds: float = 45.0
    on_reconnect: Callable[[str], None] | None = None


@dataclass
class _Progress:
    """What the reader remembers between connections."""

    last_sequence: int | None
    last_contact: float = field(default_factory=time.monotonic)
    pause_seconds: float = _SHORTEST_PAUSE_SECONDS
    ended: bool = False

    def heard(self) -> None:
        self.last_contact = time.monotonic()

    def accept(self, event: StreamEvent) -> bool:
        """Take note of an event; False for one that was already delivered before a reconnect."""
        self.pause_seconds = _SHORTEST_PAUSE_SECONDS
        self.ended = event.kind == END
        if event.sequence is None:
            return True
        if self.last_sequence is not None and event.sequence <= self.last_sequence:
            return False
        self.last_sequence = event.sequence
        return True


async def read_task_stream(
    connection: Connection, task_id: str, options: StreamOptions
) -> AsyncGenerator[StreamEvent, None]:
    """Every durable event of the task once and in order, tokens in between, `end` last.

    Raises:
        RequestFailed: the server refuses the stream (no such task, no key).
        ServerUnreachable: it was away longer than `patience_seconds`.
    """
    progress = _Progress(options.after)
    while not progress.ended:
        try:
            # Closed here and now when the reader leaves early, not whenever the collector finds it.
            async with aclosing(_one_connection(connection, task_id, options, progress)) as events:
                async for event in events:
                    yield event
            lost: ClientError = ServerUnreachable("the server closed the stream")
        except (httpx.TransportError, TimeoutError) as error:
            lost = connection.unreachable(error)
        except RequestFailed as error:
            if error.problem.status not in RETRIED_STATUSES:
                raise
            lost = error
        if not progress.ended:
            await _pause(lost, options, progress)


async def _one_connection(
    connection: Connection, task_id: str, options: StreamOptions, progress: _Progress
) -> AsyncGenerator[StreamEvent, None]:
    headers = {"Accept": "text/event-stream"}
    if progress.last_sequence is not None:
        headers["Last-Event-ID"] = str(progress.last_sequence)
    parser = EventStreamParser()
    async with connection.stream(f"/v1/tasks/{segment(task_id)}/stream", headers) as response:
        await _refuse_errors(response)
        async for chunk in _chunks(response, options.silence_seconds):
            progress.heard()
            for raw in parser.feed(chunk):
                event = _readable(raw)
                if progress.accept(event):
                    yield event
                if progress.ended:
                    return


async def _chunks(response: httpx.Response, silence_seconds: float) -> AsyncIterator[bytes]:
    chunks = response.aiter_bytes().__aiter__()
    while True:
        try:
            async with asyncio.timeout(silence_seconds):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        yield chunk


async def _refuse_errors(response: httpx.Response) -> None:
    if response.status_code >= 400:
        await response.aread()
        raise failure_of(response)


async def _pause(lost: ClientError, options: StreamOptions, progress: _Progress) -> None:
    if time.monotonic() - progress.last_contact > options.patience_seconds:
        raise lost
    if options.on_reconnect is not None:
        options.on_reconnect(str(lost))
    await asyncio.sleep(progress.pause_seconds)
    progress.pause_seconds = min(progress.pause_seconds * 2, _LONGEST_PAUSE_SECONDS)


def _readable(raw: ServerSentEvent) -> StreamEvent:
    data: Any = json.loads(raw.data) if raw.data else {}
    body = data if isinstance(data, dict) else {"value": data}
    durable = raw.event not in ("token", END) and raw.id is not None and raw.id.isdecimal()
    return StreamEvent(raw.event, body, int(raw.id) if durable and raw.id else None)
