"""A task as its worker holds it: what the claim gave, typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent_runtime.store.database import Row


@dataclass(frozen=True, slots=True)
class ClaimedTask:
    """One claim. Money is microdollars, `seconds_left` until the task's timeout, steps are super-steps of the run.

    `own_config` is the configuration of a fork that changed its agent's; `asks_before_unsafe` has a person asked before
    each call of a tool that is not safe to repeat.
    """

    tenant_id: str
    task_id: str
    agent_id: str
    attempt: int
    config_version: int
    run_number: int
    priority: int
    max_retries: int
    max_steps: int
    retry_count: int
    crash_count: int
    run_steps: int
    cost: int
    budget_max: int | None
    seconds_left: float
    input: str | None
    enqueued_at: datetime
    throttle_streak: int = 0
    own_config: Mapping[str, Any] | None = None
    asks_before_unsafe: bool = False
    is_fork: bool = False

    @classmethod
    def from_row(cls, row: Row) -> "ClaimedTask":
        """From a row of the statement `claim`."""
        last = row["last_retry"] or {}
        return cls(
            tenant_id=row["tenant_id"],
            task_id=str(row["task_id"]),
            agent_id=row["agent_id"],
            attempt=row["attempt"],
            config_version=row["config_version"],
            run_number=row["run_number"],
            priority=row["priority"],
            max_retries=row["max_retries"],
            max_steps=row["max_steps"],
            retry_count=row["retry_count"],
            crash_count=row["crash_count"],
            run_steps=row["run_steps"],
            cost=row["cost_microdollars"],
            budget_max=row["budget_max"],
            seconds_left=row["seconds_left"],
            input=row["input"],
            enqueued_at=row["enqueued_at"],
            throttle_streak=last.get("throttle_streak", 0),
            own_config=row["own_config"],
            asks_before_unsafe=row["asks_before_unsafe"],
            is_fork=row["is_fork"],
        )

    @property
    def first_claim(self) -> bool:
        """Whether nothing can have been stored for the task yet."""
        return self.attempt == 1 and not self.is_fork
