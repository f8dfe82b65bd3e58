"""Removing what has been kept long enough."""

from datetime import UTC, datetime, timedelta

from agent_runtime.domain.identifier import lowest_id_of
from agent_runtime.store.database import Database

_ROOM = "retention"
# Ids are made by the clocks of API processes, ages by the database's.
_CLOCKS_APART = timedelta(hours=1)


async def forget_idempotency_keys(database: Database, limit: int = 1_000) -> int:
    """Remove keys older than a day, and give how many."""
    return len(await database.fetch_all(_ROOM, "forget_idempotency_keys", {"limit": limit}))


async def forget_tasks(database: Database, days: float, limit: int = 100) -> int:
    """Remove finished tasks that ended more than `days` ago, with all that is theirs, and give how many."""
    made_before = lowest_id_of(datetime.now(UTC) - timedelta(days=days) + _CLOCKS_APART)
    parameters = {"days": days, "limit": limit, "made_before": made_before}
    return len(await database.fetch_all(_ROOM, "forget_tasks", parameters))
