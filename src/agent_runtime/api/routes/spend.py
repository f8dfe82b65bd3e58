"""What was spent: by one agent against its budgets, and by agent, model and day."""

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.answer import answer
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.problem import invalid_field
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.fields import AgentReference
from agent_runtime.api.schemas.spend import AgentSpend, CostPage, CostQuery
from agent_runtime.store import spend as store
from agent_runtime.store.spend import CostRange

router = APIRouter(tags=["spend"])
_MOST_DAYS = 400
_KEY = {"day": "text", "agent_id": "text", "provider": "text", "model": "text"}


@router.get("/v1/agents/{agent_id}/spend", **describe(AgentSpend))
async def get_agent_spend(request: Request, agent_id: AgentReference) -> Response:
    """What the agent spent in the last 60 minutes, today and in 30 days, by model, against its budgets."""
    spend = await store.spend_of_agent(runtime_of(request).database, caller_of(request).tenant_id, agent_id)
    limit = spend["budget_max_per_hour"]
    used = spend["last_hour"]["cost_microdollars"] + spend["reserved_microdollars"]
    return answer({**spend, "remaining_this_hour": None if limit is None else max(0, limit - used)})


@router.get("/v1/costs", **describe(CostPage))
async def list_costs(request: Request, query: Annotated[CostQuery, Query()]) -> Response:
    """Spend by agent, model and day, the oldest day first."""
    database, tenant_id = runtime_of(request).database, caller_of(request).tenant_id
    listing = Listing("costs", _KEY, query.filters())
    after = listing.after(query.cursor)
    chosen = await _range_of(request, query)
    grouping = query.group_by or store.EVERY_GROUPING
    total, rows = await store.list_costs(database, tenant_id, chosen, grouping, (after, query.limit + 1))
    keys = [{name: row[name] or "" for name in _KEY} for row in rows]
    days = {"first_day": chosen.first_day, "last_day": chosen.last_day}
    return answer({**days, **total, **listing.page(keys, query.limit, rows)})


async def _range_of(request: Request, query: CostQuery) -> CostRange:
    last = query.last_day or await store.today(runtime_of(request).database, caller_of(request).tenant_id)
    first = query.first_day or max(last - timedelta(days=29), date(1970, 1, 1))
    if not timedelta(0) <= last - first < timedelta(days=_MOST_DAYS):
        raise invalid_field(("query", "from"), f"must be a day of the {_MOST_DAYS} that end with `to`")
    chosen: dict[str, Any] = {name: getattr(query, name) for name in ("agent_id", "provider", "model")}
    return CostRange(first, last, **chosen)
