"""Gives back attempts that stand in this worker's name but that it does not run, so that none waits for a timeout.

Such an attempt is left behind when a claim commits and its answer is lost with the connection, or when the session was
declared lost while the process was frozen. No try is counted: nothing has failed in them.
"""

from collections.abc import Collection

import structlog

from agent_runtime.domain.task_lifecycle import Change, Move
from agent_runtime.store import lease as store
from agent_runtime.store.database import Database
from agent_runtime.store.task_lifecycle import transition

_log = structlog.get_logger("worker.hand_back")


async def hand_back(
    database: Database, worker_id: str, running: Collection[tuple[str, int]], *, older_than_seconds: float
) -> int:
    """Hand over the worker's live attempts that are not among `running` (task_id, attempt); gives how many."""
    rows = await store.own_attempts(database, worker_id, older_than_seconds)
    strays = [row for row in rows if (str(row["task_id"]), row["attempt"]) not in running]
    if not strays:
        return 0
    moves = [
        Move(row["tenant_id"], str(row["task_id"]), Change.HAND_OVER, attempt=row["attempt"], actor=worker_id)
        for row in strays
    ]
    async with database.connection() as connection:
        landed = len(await transition(connection, moves))
    _log.warning("stray_attempts_handed_back", attempts=landed)
    return landed
