"""Spend: what is asked for and what is answered. Money in microdollars, days in UTC."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from agent_runtime.api.schemas.fields import AgentReference, AnswerModel
from agent_runtime.api.schemas.lists import Filter, PageQuery


def _day(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).date()
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value).astimezone(UTC).date()
    except (ValueError, OverflowError):
        raise ValueError("must be a day such as 2030-01-07, or a time in RFC 3339, whose UTC day counts") from None


Day = Annotated[date, BeforeValidator(_day), Field(ge=date(1970, 1, 1), le=date(9999, 1, 1))]


class CostQuery(PageQuery):
    """Which spend: the days from `from` to `to`, both included; without them the last 30 days."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    first_day: Annotated[Day | None, Field(alias="from", description="first day (UTC), 29 days before `to`")] = None
    last_day: Annotated[Day | None, Field(alias="to", description="last day (UTC), today")] = None
    agent_id: AgentReference | None = None
    provider: Filter | None = None
    model: Filter | None = None
    group_by: Annotated[
        list[Literal["day", "agent", "model"]] | None, Field(max_length=3, description="what to add up by; all three")
    ] = None


class Amounts(AnswerModel):
    """What some calls cost. The calls of unknown price are counted in `unpriced_calls` and in no sum of money."""

    cost_microdollars: int
    calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int


class ModelAmounts(Amounts):
    """The same of one model."""

    provider: str
    model: str


class Span(Amounts):
    """What was spent since a time, in all and by model, the dearest first."""

    since: datetime
    by_model: list[ModelAmounts]


class AgentSpend(AnswerModel):
    """An agent's spend against its budgets; `reserved_microdollars` is held for calls under way."""

    agent_id: str
    budget_max_per_task: int | None
    budget_max_per_hour: int | None
    reserved_microdollars: int
    remaining_this_hour: int | None
    paused_tasks: int
    last_hour: Span
    today: Span
    last_30_days: Span


class CostRow(Amounts):
    """The spend of one agent with one model on one day; null for what was not grouped by."""

    day: date | None
    agent_id: str | None
    provider: str | None
    model: str | None


class CostPage(AnswerModel):
    """A page of costs with the whole range's sums."""

    first_day: date
    last_day: date
    total_cost_microdollars: int
    calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    items: list[CostRow]
    next_cursor: str | None
