"""Removing what has been kept long enough."""

from agent_runtime.store.database import Database

_ROOM = "retention"


async def forget_idempotency_keys(database: Database, limit: int = 1000) -> None:
    """Remove keys older than a day."""
    await database.fetch_all(_ROOM, "forget_idempotency_keys", {"limit": limit})


async def forget_tasks(database: Database, days: float, limit: int = 100) -> int:
    """Remove finished tasks that ended more than `days` ago, with all that is theirs, and give how many."""
    return len(await database.fetch_all(_ROOM, "forget_tasks", {"days": days, "limit": limit}))
