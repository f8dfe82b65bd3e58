"""What a dashboard shows."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.answer import answer
from agent_runtime.api.openapi import describe
from agent_runtime.api.problem import invalid_field
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.stats import Stats, StatsQuery
from agent_runtime.domain.stats_range import StatsRange, stats_range
from agent_runtime.store import agent as agent_store
from agent_runtime.store import stats as store
from agent_runtime.store.database import Row

router = APIRouter(tags=["stats"])
_SPENT = ("cost_microdollars", "calls", "unpriced_calls", "input_tokens", "output_tokens")


@router.get("/v1/stats", **describe(Stats))
async def get_stats(request: Request, query: Annotated[StatsQuery, Query()]) -> Response:
    """Tasks by state, the queue, what ended and what was spent over a range of time."""
    database, tenant_id = runtime_of(request).database, caller_of(request).tenant_id
    span = _range_of(await store.now(database, tenant_id), query)
    counts, queues, buckets = await asyncio.gather(
        store.counts(database, tenant_id, query.agent_id),
        store.queues(database, tenant_id, query.agent_id),
        store.buckets(database, tenant_id, query.agent_id, span),
    )
    queue, running = _queue(queues)
    counts = {"queued": queue["depth"] + queue["scheduled"], "running": running, **counts}
    if query.agent_id is not None and not any(counts.values()):
        await agent_store.get_agent(database, tenant_id, query.agent_id)
    return answer(
        {
            "from": span.first,
            "to": span.end,
            "bucket": span.bucket,
            "agent_id": query.agent_id,
            "counts": counts,
            "queue": queue,
            "throughput": {**_sums(buckets, ("completed", "dead_lettered")), "buckets": buckets},
            "spend": _sums(buckets, _SPENT),
        }
    )


def _range_of(now: Any, query: StatsQuery) -> StatsRange:
    try:
        return stats_range(now, query.start, query.end, query.bucket)
    except ValueError as error:
        raise invalid_field(("query", "from"), str(error)) from None


def _queue(agents: Sequence[Row]) -> tuple[dict[str, Any], int]:
    """What waits, and how many tasks run."""
    whole: dict[str, Any] = {"depth": 0, "scheduled": 0, "oldest_age_seconds": None}
    running = 0
    for row in agents:
        whole = {"depth": row.pop("all_queued") or 0, "scheduled": row.pop("all_scheduled") or 0}
        whole["oldest_age_seconds"] = row.pop("longest_wait_seconds")
        running = row.pop("all_running") or 0
    return {**whole, "agents": list(agents)}, running


def _sums(rows: Sequence[Row], names: Sequence[str]) -> dict[str, int]:
    return {name: sum(row[name] for row in rows) for name in names}
