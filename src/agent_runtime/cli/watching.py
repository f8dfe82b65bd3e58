"""Follows one task until it ends, waits for somebody, or the caller's patience is over."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_runtime.cli import exit_codes
from agent_runtime.cli.failure import CommandFailed
from agent_runtime.cli.task_progress import status_after
from agent_runtime.cli.watch_display import WatchDisplay

if TYPE_CHECKING:
    from agent_runtime.client import JsonObject, RuntimeClient

_WAITING = frozenset({"waiting_for_approval", "waiting_for_input", "paused"})


@dataclass(frozen=True)
class WatchOptions:
    """timeout_seconds: patience (None: no limit). stop_at_waits: leave when the task needs a person or budget."""

    timeout_seconds: float | None = None
    stop_at_waits: bool = True


async def watch_task(client: RuntimeClient, task_id: str, display: WatchDisplay, options: WatchOptions) -> int:
    """Follow the task on `display` and answer the exit status that fits how it stands."""
    try:
        with display:
            async with asyncio.timeout(options.timeout_seconds):
                task = await _follow(client, task_id, display, options.stop_at_waits)
    except TimeoutError:
        message = f"Task {task_id} has not ended within {options.timeout_seconds:g} s; it goes on without this command."
        raise CommandFailed(message, exit_codes.WAIT_TIMED_OUT) from None
    display.result(task)
    return exit_codes.for_task_status(task["status"])


async def _follow(client: RuntimeClient, task_id: str, display: WatchDisplay, stop_at_waits: bool) -> JsonObject:
    from agent_runtime.client.task_stream import StreamOptions

    stream = client.tasks.stream(task_id, StreamOptions(on_reconnect=display.lost))
    async for event in stream:
        display.event(event.kind, event.data, event.sequence)
        # An old wait is replayed too, so the event only makes us look; the task itself says how it stands now.
        if stop_at_waits and event.kind == "lifecycle" and status_after(event.data) in _WAITING:
            task = await client.tasks.get(task_id)
            if task["status"] in _WAITING:
                return task
    return await client.tasks.get(task_id)
