"""What was spent: by an agent lately, and by agent, model and day over months.

Read from counters, never from the ledger. Money in microdollars; days are UTC days. `unpriced_calls` are calls whose
price nobody knows: their cost is in no sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from agent_runtime.domain.errors import NotFound
from agent_runtime.store.database import Database, Row

_ROOM = "spend"
_AMOUNTS = ("cost_microdollars", "calls", "unpriced_calls", "input_tokens", "output_tokens")
_TOTALS = tuple(f"total_{name}" for name in _AMOUNTS)
Grouping = Literal["day", "agent", "model"]
EVERY_GROUPING: Sequence[Grouping] = ("day", "agent", "model")


@dataclass(frozen=True)
class CostRange:
    """Which spend: the days from `first_day` to `last_day`, both included; None does not narrow."""

    first_day: date
    last_day: date
    agent_id: str | None = None
    provider: str | None = None
    model: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """As the statements take them."""
        days = {name: datetime.combine(getattr(self, name), time(), UTC) for name in ("first_day", "last_day")}
        return {**self.__dict__, **days, "end": days["last_day"] + timedelta(days=1)}


async def spend_of_agent(database: Database, tenant_id: str, agent_id: str) -> dict[str, Any]:
    """Budgets, reservations and the spend of the last hour, today and 30 days, by model. Raises NotFound."""
    limits = await database.tenant_row(tenant_id, _ROOM, "limits_of_agent", {"agent_id": agent_id})
    if limits is None:
        raise NotFound("agent", agent_id)
    rows = await database.tenant_rows(tenant_id, _ROOM, "of_agent", {"agent_id": agent_id})
    spans = {row["span"]: _span([each for each in rows if each["span"] == row["span"]]) for row in rows}
    return {**limits, **spans}


def _span(rows: Sequence[Row]) -> dict[str, Any]:
    spent = [row for row in rows if row["model"] is not None]
    by_model = [{name: row[name] for name in ("provider", "model", *_AMOUNTS)} for row in spent]
    return {
        "since": rows[0]["since"],
        **{name: sum(row[name] for row in spent) for name in _AMOUNTS},
        "by_model": by_model,
    }


async def today(database: Database, tenant_id: str) -> date:
    """The day by the database's clock."""
    row = await database.tenant_row(tenant_id, _ROOM, "today")
    found: date = (row or {})["day"]
    return found


async def list_costs(
    database: Database,
    tenant_id: str,
    chosen: CostRange,
    grouping: Sequence[Grouping],
    page: tuple[tuple[str, ...] | None, int],
) -> tuple[Row, list[Row]]:
    """The sums of a whole range, and a page of its parts.

    `page` is the key to go on after (day, agent, provider, model) and the most rows.
    """
    after, limit = page
    keys = ("after_day", "after_agent", "after_provider", "after_model")
    parameters = {
        **chosen.parameters,
        **{f"by_{name}": name in grouping for name in ("day", "agent", "model")},
        **dict(zip(keys, after or (None,) * len(keys), strict=True)),
        "limit": limit,
    }
    rows = await database.tenant_rows(tenant_id, _ROOM, "costs", parameters, prepare=False)
    totals = [{name: row.pop(name) for name in _TOTALS} for row in rows]
    whole = {name if name.endswith("microdollars") else name[6:]: value for name, value in totals[0].items()}
    return whole, [row for row in rows if row["calls"] is not None]
