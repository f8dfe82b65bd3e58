"""Statistics: what is asked for and what is answered."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from agent_runtime.api.schemas.fields import AgentReference, AnswerModel, Moment
from agent_runtime.api.schemas.spend import Amounts


class StatsQuery(BaseModel):
    """Which times, and of which agent."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    start: Annotated[Moment | None, Field(alias="from", description="24 hours before `to`")] = None
    end: Annotated[Moment | None, Field(alias="to", description="now")] = None
    bucket: Annotated[
        Literal["minute", "hour", "day"] | None, Field(description="length of a step; the finest that is kept so long")
    ] = None
    agent_id: AgentReference | None = None


class QueueOfAgent(AnswerModel):
    """What waits and runs of one agent."""

    agent_id: str
    agent_status: str
    queued: int
    scheduled: int
    running: int
    max_concurrent_tasks: int
    oldest_age_seconds: float | None


class Queue(AnswerModel):
    """What waits: `depth` for a worker, `scheduled` for its time; 200 agents at most, the longest queues first."""

    depth: int
    scheduled: int
    oldest_age_seconds: float | None
    agents: list[QueueOfAgent]


class StatsBucket(Amounts):
    """What ended and was spent in one step."""

    starts_at: datetime
    completed: int
    dead_lettered: int


class Throughput(AnswerModel):
    """The same over the whole range."""

    completed: int
    dead_lettered: int
    buckets: list[StatsBucket]


class Stats(AnswerModel):
    """What a dashboard shows. `counts` and `queue` are of now, `throughput` and `spend` of the range."""

    start: Annotated[datetime, Field(alias="from")]
    end: Annotated[datetime, Field(alias="to")]
    bucket: Literal["minute", "hour", "day"]
    agent_id: str | None
    counts: dict[str, int]
    queue: Queue
    throughput: Throughput
    spend: Amounts
