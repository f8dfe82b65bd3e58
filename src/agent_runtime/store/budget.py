"""What an agent spent lately, from the counters of each minute, never from the ledger."""

from agent_runtime.store.database import Database, Row

_ROOM = "budget"


async def admit(database: Database, tenant_id: str, agent_id: str, task_id: str, attempt: int) -> Row:
    """Let the attempt's reserved call start if the agent's hour has room for it.

    Gives `admitted, spent, limit, clears_in_seconds` (microdollars, seconds).
    """
    parameters = {"tenant_id": tenant_id, "agent_id": agent_id, "task_id": task_id, "attempt": attempt}
    return (await database.fetch_all(_ROOM, "admit", parameters))[0]


async def cleared(database: Database, limit: int = 200) -> list[Row]:
    """Tasks whose hourly pause is over: `tenant_id, task_id`."""
    return await database.fetch_all(_ROOM, "cleared", {"limit": limit})
