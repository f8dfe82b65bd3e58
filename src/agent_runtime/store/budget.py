"""What an agent spent lately, from the counters of each minute, never from the ledger."""

from agent_runtime.store.database import Database, Row

_ROOM = "budget"


async def hourly(database: Database, tenant_id: str, agent_id: str) -> Row | None:
    """`limit, spent, clears_in_seconds` of an agent's rolling hour, in microdollars and seconds."""
    return await database.fetch_one(_ROOM, "hourly", {"tenant_id": tenant_id, "agent_id": agent_id})


async def cleared(database: Database, limit: int = 200) -> list[Row]:
    """Tasks whose hourly pause is over: `tenant_id, task_id`."""
    return await database.fetch_all(_ROOM, "cleared", {"limit": limit})
