"""Waits for one task: until it has ended, or until it needs somebody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from agent_runtime.client.connection import Connection, JsonObject, segment
from agent_runtime.client.errors import WaitTimedOut
from agent_runtime.client.task_stream import StreamEvent, StreamOptions, read_task_stream

WAITING_STATES = frozenset({"waiting_for_approval", "waiting_for_input", "paused"})


@dataclass(frozen=True)
class WaitOptions:
    """How to wait for a task.

    timeout_seconds: patience (None: no limit). stop_at_waits: come back too when the task needs a person or budget.
    on_event: told each event of the task's stream. on_reconnect: told why each time the connection was lost.
    """

    timeout_seconds: float | None = None
    stop_at_waits: bool = True
    on_event: Callable[[StreamEvent], None] | None = None
    on_reconnect: Callable[[str], None] | None = None


async def wait_for_task(connection: Connection, task_id: str, options: WaitOptions) -> JsonObject:
    """The task as it stands when the wait is over. Raises WaitTimedOut, and what a stream raises."""
    try:
        async with asyncio.timeout(options.timeout_seconds):
            return await _follow(connection, task_id, options)
    except TimeoutError:
        raise WaitTimedOut(
            f"Task {task_id} has not ended within {options.timeout_seconds:g} s; it goes on all the same."
        ) from None


async def _follow(connection: Connection, task_id: str, options: WaitOptions) -> JsonObject:
    stream = read_task_stream(connection, task_id, StreamOptions(on_reconnect=options.on_reconnect))
    async with aclosing(stream) as events:
        async for event in events:
            if options.on_event is not None:
                options.on_event(event)
            # An old wait is replayed too, so the event only makes us look; the task itself says how it stands now.
            if options.stop_at_waits and event.kind == "lifecycle" and status_after(event.data) in WAITING_STATES:
                task = await _task(connection, task_id)
                if task["status"] in WAITING_STATES:
                    return task
    return await _task(connection, task_id)


async def _task(connection: Connection, task_id: str) -> JsonObject:
    task: JsonObject = await connection.get(f"/v1/tasks/{segment(task_id)}")
    return task


def status_after(data: JsonObject) -> str | None:
    """The state that a lifecycle event leads to; the event may stand alone or inside an activity item."""
    details = data.get("details")
    nested = details.get("status_after") if isinstance(details, dict) else None
    found = data.get("status_after") or nested
    return None if found is None else str(found)
