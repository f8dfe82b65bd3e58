"""Ends tasks whose time is up, wherever they are, and those whose question nobody answered in time."""

from collections.abc import Sequence

from agent_runtime.domain.dead_letter import error_fingerprint
from agent_runtime.domain.task_lifecycle import Change, Failure, Move
from agent_runtime.store import human_request as request_store
from agent_runtime.store import lease as store
from agent_runtime.store.database import Database, Row
from agent_runtime.store.task_lifecycle import lock_tasks, transition


async def time_out(database: Database) -> int:
    """Move overdue tasks to the dead letters and give how many."""
    return await _land(database, [_overdue(row) for row in await store.overdue(database)])


async def expire_requests(database: Database) -> int:
    """Move tasks with an expired request to the dead letters and give how many."""
    return await _land(database, [_unanswered(row) for row in await request_store.expired(database)])


async def _land(database: Database, moves: Sequence[Move]) -> int:
    if not moves:
        return 0
    async with database.transaction() as connection:
        await lock_tasks(connection, moves)
        return len(await transition(connection, moves))


def _overdue(row: Row) -> Move:
    message = f"the task ran longer than its {row['task_timeout_seconds']} seconds, backoff included"
    failure, reason = _failure("task_timeout", message)
    return Move(
        row["tenant_id"], str(row["task_id"]), Change.TIME_OUT, failure=failure, dead_letter_reason=reason, overdue=True
    )


def _unanswered(row: Row) -> Move:
    seconds = row["waited"].total_seconds()
    message = f"nobody answered within {seconds:.0f} seconds (human_input_timeout_seconds of the agent)"
    failure, reason = _failure("human_input_timeout", message)
    return Move(
        row["tenant_id"],
        str(row["task_id"]),
        Change.EXPIRE_REQUEST,
        failure=failure,
        dead_letter_reason=reason,
        expires=True,
    )


def _failure(reason: str, message: str) -> tuple[Failure, str]:
    return Failure(reason, message, error_fingerprint(reason, reason, message)), reason
