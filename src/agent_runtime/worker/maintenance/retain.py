"""Removes what has been kept long enough, a little at a time."""

from agent_runtime.store import retention as store
from agent_runtime.store.database import Database

_BATCH = 100
_MOST_BATCHES = 20


async def retain(database: Database, days: float | None) -> int:
    """Forget old keys and, when `days` is set, tasks that finished longer ago; gives how many tasks.

    In small transactions, so that no lock is held for long, but enough of them at a turn to keep up with a busy system.
    """
    await store.forget_idempotency_keys(database)
    if days is None:
        return 0
    forgotten = 0
    for _ in range(_MOST_BATCHES):
        gone = await store.forget_tasks(database, days, _BATCH)
        forgotten += gone
        if gone < _BATCH:
            break
    return forgotten
