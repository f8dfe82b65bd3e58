"""Taking queued tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agent_runtime.store.arrays import literal, text_literal
from agent_runtime.store.database import Database, Row

Lane = tuple[str, str, int]


# A claim that began earlier but took an agent's lock later than another is counted for this long after.
_SLACK = timedelta(seconds=2)

DUE_AT_ONCE = 2_000


@dataclass
class ClaimRequest:
    """Who claims how much, and what it knows from its claims before.

    `marks` give, by (tenant_id, agent_id, priority), from which enqueued_at on to look; `known_since` gives, by
    (tenant_id, agent_id), a time before which none of the agent's live attempts was claimed; the agent looked at last
    comes last in the next turn. `contended` says that other workers held an agent's lock at the last claim.
    """

    worker_id: str
    worker_pool_id: str
    capacity: int
    last_tenant: str = ""
    last_agent: str = ""
    per_lane: int = 10
    agents: int = 64
    marks: Mapping[Lane, datetime] = field(default_factory=dict)
    known_since: dict[tuple[str, str], datetime] = field(default_factory=dict)
    contended: bool = False


async def claim(database: Database, request: ClaimRequest) -> list[Row]:
    """Claim up to `capacity` tasks, in their round-robin order, and remember in the request what was seen."""
    rows = await database.fetch_all("claim", "claim", claim_parameters(request))
    for row in rows:
        if row["oldest"] is not None:
            request.known_since[row["tenant_id"], row["agent_id"]] = row["oldest"] - _SLACK
    taken = [row for row in rows if row["task_id"] is not None]
    last = (taken or rows)[-1] if rows else None
    if last is not None:
        request.last_tenant, request.last_agent = last["tenant_id"], last["agent_id"]
    request.contended = any(row["contended"] for row in rows)
    return taken


def claim_parameters(request: ClaimRequest) -> dict[str, object]:
    """What the statement `claim` takes."""
    lanes, agents = list(request.marks), list(request.known_since)
    return {
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
        "known_tenants": text_literal([agent[0] for agent in agents]),
        "known_agents": text_literal([agent[1] for agent in agents]),
        "known_since": text_literal([request.known_since[agent].isoformat() for agent in agents]),
    }


async def make_due(database: Database, limit: int = DUE_AT_ONCE) -> list[Row]:
    """Let delayed tasks whose time has come wait in their lanes: `tenant_id, agent_id, worker_pool_id, priority`."""
    return await database.fetch_all("claim", "make_due", {"limit": limit})
