"""Ends tasks whose question nobody answered in time."""

from agent_runtime.domain.dead_letter import error_fingerprint
from agent_runtime.domain.task_lifecycle import Change, Failure, Move
from agent_runtime.store import human_request as store
from agent_runtime.store.database import Database, Row
from agent_runtime.store.task_lifecycle import lock_tasks, transition

_REASON = "human_input_timeout"


async def expire_requests(database: Database) -> int:
    """Move tasks with an expired request to the dead letters and give how many."""
    rows = await store.expired(database)
    if not rows:
        return 0
    moves = [_move_of(row) for row in rows]
    async with database.transaction() as connection:
        await lock_tasks(connection, moves)
        return len(await transition(connection, moves))


def _move_of(row: Row) -> Move:
    seconds = row["waited"].total_seconds()
    message = f"nobody answered within {seconds:.0f} seconds (human_input_timeout_seconds of the agent)"
    failure = Failure(_REASON, message, error_fingerprint(_REASON, _REASON, message))
    return Move(
        row["tenant_id"],
        str(row["task_id"]),
        Change.EXPIRE_REQUEST,
        failure=failure,
        dead_letter_reason=_REASON,
        expires=True,
    )
