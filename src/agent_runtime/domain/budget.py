"""When a task has to pause for money. All amounts are microdollars."""

from agent_runtime.domain.errors import AgentRuntimeError


class BudgetReached(AgentRuntimeError):
    """The recorded spend has reached a limit. `reason` is a pause_reason.

    `clears_in_seconds` is None when only a raised limit clears it.
    """

    def __init__(self, reason: str, *, limit: int, spent: int, clears_in_seconds: float | None = None) -> None:
        super().__init__(f"{reason}: {spent} of {limit} microdollars are spent")
        self.reason = reason
        self.limit = limit
        self.spent = spent
        self.clears_in_seconds = clears_in_seconds


def check_task_budget(*, spent: int, agent_limit: int | None, task_limit: int | None) -> None:
    """Raise BudgetReached at the first checkpoint whose recorded cost has reached the smaller of the limits."""
    limits = [limit for limit in (agent_limit, task_limit) if limit is not None]
    if limits and spent >= min(limits):
        raise BudgetReached("budget_per_task", limit=min(limits), spent=spent)


def check_hourly_budget(*, spent: int, limit: int | None, clears_in_seconds: float | None) -> None:
    """Raise BudgetReached when the agent's spend of the last 60 minutes has reached its limit."""
    if limit is not None and spent >= limit:
        raise BudgetReached("budget_per_hour", limit=limit, spent=spent, clears_in_seconds=clears_in_seconds)


def how_it_clears(reason: str) -> str:
    """What a person reads on a paused task."""
    if reason == "budget_per_task":
        return "raise the agent's budget_max_per_task, then resume the task; the task's own budget_max cannot be raised"
    return "by itself when the last 60 minutes cost less than budget_max_per_hour of the agent"
