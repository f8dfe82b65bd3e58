"""Waiting until a system is whole: API healthy, every worker online."""

import time
from collections.abc import Callable

from agent_runtime.domain.errors import StartFailed
from agent_runtime.embedded.layout import Layout
from agent_runtime.embedded.state import RUNNING, SystemState, running_state
from agent_runtime.embedded.system_status import SystemStatus, api_is_healthy, status_of

STEP_SECONDS = 0.05
HOPELESS_ENDS = 4


def wait_ready(
    layout: Layout, failure: Callable[[], str | None], seconds: float, *, workers: int | None = None
) -> SystemStatus:
    """Wait until the system is whole (with exactly `workers` workers, when given) and answer its status.

    Raises StartFailed with what `failure` says, when a part ends at every start, or after that time.
    """
    deadline = time.monotonic() + seconds
    while True:
        reason = failure()
        if reason is not None:
            raise StartFailed(reason)
        state = running_state(layout)
        if state is not None:
            _give_up_if_hopeless(state, layout)
            status = _whole(layout, state, workers)
            if status is not None:
                return status
        if time.monotonic() > deadline:
            raise StartFailed(f"the system was not ready after {seconds:.0f} s: {_missing(layout)}")
        time.sleep(STEP_SECONDS)


def _whole(layout: Layout, state: SystemState, workers: int | None) -> SystemStatus | None:
    alive = [part for part in state.parts if part.process.alive]
    if state.phase != RUNNING or len(alive) != len(state.parts) or not api_is_healthy(state.api_url):
        return None
    if workers is not None and len(state.workers()) != workers:
        return None
    status = status_of(layout, state)
    return status if all(each.status == "online" for each in status.workers) else None


def _give_up_if_hopeless(state: SystemState, layout: Layout) -> None:
    for part in state.parts:
        if part.quick_ends >= HOPELESS_ENDS:
            raise StartFailed(f"{part.name} ends at every start: {part.last_words} (see {layout.log(part.name)})")


def _missing(layout: Layout) -> str:
    state = running_state(layout)
    if state is None:
        return f"see {layout.log('supervisor')}"
    if not api_is_healthy(state.api_url):
        return f"the API at {state.api_url} does not answer (see {layout.log('api')})"
    late = [each.worker_id for each in status_of(layout, state).workers if each.status != "online"]
    return f"not online: {', '.join(late) or 'workers'} (see {layout.root / 'logs'})"
