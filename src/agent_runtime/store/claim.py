"""Taking queued tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from agent_runtime.store.arrays import literal, text_literal
from agent_runtime.store.database import Database, Row

Lane = tuple[str, str, int]


@dataclass
class ClaimRequest:
    """Who claims how much. `marks` give, by (tenant_id, agent_id, priority), from which enqueued_at on to look."""

    worker_id: str
    worker_pool_id: str
    capacity: int
    last_tenant: str = ""
    last_agent: str = ""
    per_lane: int = 10
    agents: int = 64
    marks: Mapping[Lane, datetime] = field(default_factory=dict)


async def claim(database: Database, request: ClaimRequest) -> list[Row]:
    """Claim up to `capacity` tasks, in their round-robin order."""
    lanes = list(request.marks)
    parameters = {
        "worker_id": request.worker_id,
        "worker_pool_id": request.worker_pool_id,
        "capacity": request.capacity,
        "last_tenant": request.last_tenant,
        "last_agent": request.last_agent,
        "per_lane": request.per_lane,
        "agents": request.agents,
        "mark_tenants": text_literal([lane[0] for lane in lanes]),
        "mark_agents": text_literal([lane[1] for lane in lanes]),
        "mark_priorities": literal([lane[2] for lane in lanes]),
        "marks": text_literal([request.marks[lane].isoformat() for lane in lanes]),
    }
    return await database.fetch_all("claim", "claim", parameters)


async def make_due(database: Database, limit: int = 500) -> list[Row]:
    """Let delayed tasks whose time has come wait in their lanes: `tenant_id, agent_id, worker_pool_id, priority`."""
    return await database.fetch_all("claim", "make_due", {"limit": limit})
