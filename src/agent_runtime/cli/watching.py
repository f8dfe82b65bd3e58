"""Follows one task until it ends, waits for somebody, or the caller's patience is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_runtime.cli import exit_codes
from agent_runtime.cli.failure import CommandFailed
from agent_runtime.cli.watch_display import WatchDisplay

if TYPE_CHECKING:
    from agent_runtime.client import RuntimeClient


@dataclass(frozen=True)
class WatchOptions:
    """timeout_seconds: patience (None: no limit). stop_at_waits: leave when the task needs a person or budget."""

    timeout_seconds: float | None = None
    stop_at_waits: bool = True


async def watch_task(client: RuntimeClient, task_id: str, display: WatchDisplay, options: WatchOptions) -> int:
    """Follow the task on `display` and answer the exit status that fits how it stands."""
    from agent_runtime.client import StreamEvent, WaitOptions, WaitTimedOut

    def show(event: StreamEvent) -> None:
        display.event(event.kind, event.data, event.sequence)

    try:
        with display:
            patience = WaitOptions(options.timeout_seconds, options.stop_at_waits, show, display.lost)
            task = await client.tasks.wait(task_id, patience)
    except WaitTimedOut as error:
        raise CommandFailed(str(error), exit_codes.WAIT_TIMED_OUT) from None
    display.result(task)
    return exit_codes.for_task_status(task["status"])
