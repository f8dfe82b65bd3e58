"""Moves counters into coarser rows as they age, so that a year of them stays cheap to keep and to add up.

A counter is moved in one statement, never copied: at every instant it stands in exactly one row.
"""

import time

from agent_runtime.store.database import Database, fetch_all, fetch_one

_ROOM = "rollup"
RECOUNT_SECONDS = 6 * 3600.0
_MOVES = ("spend_minutes_to_hours", "spend_hours_to_days", "flow_to_coarser")


async def roll_up(database: Database, limit: int = 5_000) -> int:
    """Move a bounded number of old counters; gives how many."""
    moved = 0
    for name in _MOVES:
        rows = await database.fetch_all(_ROOM, name, {"limit": limit})
        moved += int(rows[0]["moved"])
    return moved


async def recount(database: Database, *, every_seconds: float = RECOUNT_SECONDS, for_seconds: float = 1.0) -> int:
    """Correct the counters of finished tasks where they differ from the tasks; gives for how many agents.

    Agent by agent, each a transaction of its own, those that nobody has looked at for `every_seconds`: of all workers
    one does the work, and for about `for_seconds` at most.
    """
    corrected = 0
    until = time.monotonic() + for_seconds
    while True:
        async with database.transaction() as connection:
            turn = await fetch_one(connection, _ROOM, "one_recount_at_a_time")
            if turn is None or not turn["is_ours"]:
                return corrected
            agent = await fetch_one(connection, _ROOM, "take_recount", {"seconds": every_seconds})
            if agent is not None:
                corrected += len(await fetch_all(connection, _ROOM, "recount", agent))
        if agent is None or time.monotonic() >= until:
            return corrected
