"""Moves counters into coarser rows as they age, so that a year of them stays cheap to keep and to add up.

A counter is moved in one statement, never copied: at every instant it stands in exactly one row.
"""

from agent_runtime.store.database import Database, fetch_all

_ROOM = "rollup"
_MOVES = ("spend_minutes_to_hours", "spend_hours_to_days", "flow_to_coarser")


async def roll_up(database: Database, limit: int = 5_000) -> int:
    """Move a bounded number of old counters; gives how many."""
    moved = 0
    for name in _MOVES:
        rows = await database.fetch_all(_ROOM, name, {"limit": limit})
        moved += int(rows[0]["moved"])
    return moved


async def recount(database: Database) -> int:
    """Correct the counters of finished tasks where they differ from the tasks; gives for how many agents."""
    async with database.transaction() as connection:
        await fetch_all(connection, _ROOM, "one_recount_at_a_time")
        return len(await fetch_all(connection, _ROOM, "recount"))
