"""Lands the moves of people, one task at a time."""

from dataclasses import dataclass

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from agent_runtime.domain.errors import Conflict, NotFound
from agent_runtime.domain.people_moves import refusal
from agent_runtime.domain.task_lifecycle import Move
from agent_runtime.store.database import Row, fetch_one
from agent_runtime.store.task_lifecycle import transition


@dataclass(frozen=True)
class Landed:
    """A move that landed: its row, and the worker and state that the task had until then."""

    row: Row
    stopped_worker_id: str | None
    status_before: str


async def land(connection: AsyncConnection[DictRow], move: Move, *, resumes_budget: bool = False) -> Landed:
    """Land a move in the open transaction.

    `resumes_budget` demands that the task's own budget paused it and has room again.
    Raises NotFound, or Conflict naming the state that does not allow it.
    """
    before = await _locked(connection, move)
    if resumes_budget and before["status"] == "paused":
        _require_room(before)
    rows = await transition(connection, [move])
    if not rows:
        raise refusal(move, before["status"])
    return Landed(rows[0], before["worker_id"], before["status"])


async def require_state(connection: AsyncConnection[DictRow], move: Move) -> None:
    """Lock a task for a move that changes more than its state. Raises NotFound and Conflict as `land` does."""
    before = await _locked(connection, move)
    if before["status"] not in move.transition.from_statuses:
        raise refusal(move, before["status"])


async def _locked(connection: AsyncConnection[DictRow], move: Move) -> Row:
    key = {"tenant_id": move.tenant_id, "task_id": move.task_id}
    before = await fetch_one(connection, "task_action", "live_worker", key)
    if before is None:
        raise NotFound("task", move.task_id)
    return before


def _require_room(task: Row) -> None:
    if task["pause_reason"] != "budget_per_task":
        raise Conflict("the task is paused by its agent's hourly budget and goes on by itself when the hour has room")
    spent, budget = task["cost_microdollars"], task["budget"]
    if budget is None or spent < budget:
        return
    own = task["budget_max"] is not None and spent >= task["budget_max"]
    advice = (
        "its own budget_max cannot be raised: cancel it and submit it again"
        if own
        else "raise the agent's budget_max_per_task first"
    )
    raise Conflict(f"the task is paused: it has spent {spent} of its budget of {budget} microdollars; {advice}")
