"""Ends tasks whose time is up, wherever they are."""

from agent_runtime.domain.dead_letter import error_fingerprint
from agent_runtime.domain.task_lifecycle import Change, Failure, Move
from agent_runtime.store import lease as store
from agent_runtime.store.database import Database, Row
from agent_runtime.store.task_lifecycle import lock_tasks, transition

_REASON = "task_timeout"


async def time_out(database: Database) -> int:
    """Move overdue tasks to the dead letters and give how many."""
    rows = await store.overdue(database)
    if not rows:
        return 0
    moves = [_move_of(row) for row in rows]
    async with database.transaction() as connection:
        await lock_tasks(connection, moves)
        return len(await transition(connection, moves))


def _move_of(row: Row) -> Move:
    message = f"the task ran longer than its {row['task_timeout_seconds']} seconds, backoff included"
    failure = Failure(_REASON, message, error_fingerprint(_REASON, _REASON, message))
    return Move(
        row["tenant_id"],
        str(row["task_id"]),
        Change.TIME_OUT,
        failure=failure,
        dead_letter_reason=_REASON,
        overdue=True,
    )
