"""What one attempt carries through its graph: its session, its limits and how its calls are paid for."""

from dataclasses import dataclass

from agent_runtime.checkpointer.group_commit import Flushed
from agent_runtime.checkpointer.session import Session
from agent_runtime.domain.errors import AgentRuntimeError, TaskFailed
from agent_runtime.domain.price import Price


class BudgetReached(AgentRuntimeError):
    """The recorded cost has reached a limit: the task pauses at this checkpoint. Amounts are microdollars."""

    def __init__(self, limit: int, spent: int) -> None:
        super().__init__(f"the task's budget of {limit} microdollars is reached: {spent} are spent")
        self.limit = limit
        self.spent = spent


@dataclass(slots=True)
class AttemptContext:
    """Given to the graph as its runtime context. Costs are microdollars; steps are super-steps of the run."""

    session: Session
    provider: str
    model: str
    price: Price | None
    max_steps: int
    steps_before: int = 0
    cost_before: int = 0
    task_budget: int | None = None
    max_output_tokens: int = 8192

    def check_steps(self) -> None:
        """Raise TaskFailed when the run has used its super-steps and another is about to start."""
        if self.steps_before + self.session.steps >= self.max_steps:
            message = f"the run used its {self.max_steps} steps without coming to an end: raise max_steps or split the task"
            raise TaskFailed("max_steps_exceeded", message, reason="max_steps_exceeded")

    def check_budget(self, flushed: Flushed) -> None:
        """Raise BudgetReached when what is recorded has reached the smaller of the task's and the agent's limits."""
        limits = [limit for limit in (flushed.budget_max_per_task, self.task_budget) if limit is not None]
        spent = self.cost_before + flushed.attempt_cost
        if limits and spent >= min(limits) and flushed.attempt_cost > 0:
            raise BudgetReached(min(limits), spent)
