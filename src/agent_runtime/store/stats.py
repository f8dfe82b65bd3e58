"""What a dashboard shows, from counters and narrow tables: no query here grows with the number of finished tasks."""

from typing import Any

from agent_runtime.domain.stats_range import STEP, StatsRange
from agent_runtime.store.database import Database, Row

_ROOM = "stats"
_MOST_AGENTS = 200


async def now(database: Database, tenant_id: str) -> Any:
    """The time by the database's clock."""
    return (await database.tenant_rows(tenant_id, _ROOM, "now"))[0]["now"]


async def counts(database: Database, tenant_id: str, agent_id: str | None) -> dict[str, int]:
    """Tasks that wait for somebody or are finished, by state, now; the others are counted by `queues`."""
    rows = await database.tenant_rows(tenant_id, _ROOM, "counts", {"agent_id": agent_id}, prepare=False)
    return {row["status"]: int(row["tasks"]) for row in rows}


async def queues(database: Database, tenant_id: str, agent_id: str | None) -> list[Row]:
    """What waits and runs by agent, the longest queue first, of at most 200 agents."""
    parameters = {"agent_id": agent_id, "limit": _MOST_AGENTS}
    return await database.tenant_rows(tenant_id, _ROOM, "queues", parameters, prepare=False)


async def buckets(database: Database, tenant_id: str, agent_id: str | None, span: StatsRange) -> list[Row]:
    """What ended and was spent in each step of a range."""
    parameters = {**span.__dict__, "end": span.end, "step": STEP[span.bucket], "agent_id": agent_id}
    return await database.tenant_rows(tenant_id, _ROOM, "buckets", parameters, prepare=False)
