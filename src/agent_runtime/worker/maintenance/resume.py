"""Lets tasks go on whose hourly budget has room again."""

from agent_runtime.domain.task_lifecycle import Change, Move
from agent_runtime.store import budget as store
from agent_runtime.store.database import Database
from agent_runtime.store.task_lifecycle import transition


async def resume_cleared(database: Database) -> int:
    """Move tasks paused for an hourly budget back to their queue and give how many."""
    rows = await store.cleared(database)
    if not rows:
        return 0
    async with database.connection() as connection:
        moves = [
            Move(row["tenant_id"], str(row["task_id"]), Change.RESUME, paused_for="budget_per_hour") for row in rows
        ]
        return len(await transition(connection, moves))
