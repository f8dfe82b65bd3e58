"""Removes what has been kept long enough, a little at a time."""

from agent_runtime.store import retention as store
from agent_runtime.store.database import Database


async def retain(database: Database, days: float | None) -> int:
    """Forget old keys and, when `days` is set, tasks that finished longer ago; gives how many tasks."""
    await store.forget_idempotency_keys(database)
    return await store.forget_tasks(database, days) if days is not None else 0
