"""Removes what has been kept long enough, a little at a time."""

from collections.abc import Awaitable, Callable

from agent_runtime.store import retention as store
from agent_runtime.store.database import Database

_KEYS = 1_000
_TASKS = 100
_MOST_BATCHES = 20


async def retain(database: Database, days: float | None) -> int:
    """Forget old keys and, when `days` is set, tasks that finished longer ago; gives how many tasks.

    In small transactions, so that no lock is held for long, but enough of them at a turn to keep up with a busy system.
    """
    await _in_batches(lambda: store.forget_idempotency_keys(database, _KEYS), _KEYS)
    if days is None:
        return 0
    return await _in_batches(lambda: store.forget_tasks(database, days, _TASKS), _TASKS)


async def _in_batches(forget: Callable[[], Awaitable[int]], size: int) -> int:
    forgotten = 0
    for _ in range(_MOST_BATCHES):
        gone = await forget()
        forgotten += gone
        if gone < size:
            break
    return forgotten
