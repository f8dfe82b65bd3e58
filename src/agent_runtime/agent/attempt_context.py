"""What one attempt carries through its graph: its session, its limits and how its calls are paid for."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from agent_runtime.agent.fallback import ModelChoice, ModelHealth
from agent_runtime.agent.tool_gate import Concern, PastCalls
from agent_runtime.checkpointer.group_commit import Flushed
from agent_runtime.checkpointer.session import Session
from agent_runtime.domain.agent_config import AgentConfig
from agent_runtime.domain.budget import check_hourly_budget, check_task_budget
from agent_runtime.domain.errors import TaskFailed
from agent_runtime.domain.human_request import Question
from agent_runtime.domain.price import Price
from agent_runtime.domain.tool_policy import ToolPolicy, policy_of
from agent_runtime.store.database import Row
from agent_runtime.tools.call_environment import CallEnvironment
from agent_runtime.tools.services import ToolServices

_ASK_AGAIN_SECONDS = 0.25


async def _admitted() -> Row:
    return {"admitted": True}


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
    config: AgentConfig | None = None
    asks_before_unsafe: bool = False
    past: PastCalls = field(default_factory=PastCalls)
    questions: list[Question] = field(default_factory=list)
    tenant_id: str = ""
    run_number: int = 1
    attempt: int = 1
    services: ToolServices = field(default_factory=ToolServices)
    tool_seconds: float = 900.0
    admit: Callable[[], Awaitable[Row]] = _admitted
    fallbacks: tuple[ModelChoice, ...] = ()
    health: ModelHealth = field(default_factory=ModelHealth)
    models: tuple[ModelChoice, ...] = field(init=False)

    def __post_init__(self) -> None:
        own = ModelChoice(self.provider, self.model, self.price, self.max_output_tokens)
        self.models = (own, *self.fallbacks)

    def check_steps(self) -> None:
        """Raise TaskFailed when the run has used its super-steps and another is about to start."""
        if self.steps_before + self.session.steps >= self.max_steps:
            message = (
                f"the run used its {self.max_steps} steps without coming to an end: raise max_steps or split the task"
            )
            raise TaskFailed("max_steps_exceeded", message, reason="max_steps_exceeded")

    def environment_of(self, tool_call_id: str) -> CallEnvironment:
        """What a tool sees of the call that it runs for."""
        return CallEnvironment(
            self.tenant_id, self.session.task_id, self.run_number, self.attempt, tool_call_id, self.services
        )

    def policy_of(self, tool_name: str) -> ToolPolicy:
        """Whether a tool may run by itself and run again."""
        if self.config is None:
            return ToolPolicy(safe_to_repeat=False, asks=False)
        return policy_of(self.config, tool_name, forked=self.asks_before_unsafe)

    def concern_of(self, tool_name: str) -> Concern | None:
        """What has changed in a tool of a customer's server since it was approved."""
        servers = self.services.tool_servers
        return servers.concern_of(tool_name) if servers is not None else None

    def first_question(self) -> Question | None:
        """What the task asks now: of several calls of a turn, the first that waits."""
        return min(self.questions, key=lambda question: question.place, default=None)

    def budget_is_far(self) -> bool:
        """Whether no budget of the task can have been reached by what is not recorded yet."""
        limits = [
            limit for limit in (self.session.last_flushed.budget_max_per_task, self.task_budget) if limit is not None
        ]
        return not limits or self.cost_before + self.session.cost < min(limits)

    async def check_budgets(self, flushed: Flushed, *, paid: bool) -> None:
        """Raise BudgetReached when recorded spend has reached a limit; `paid` calls look at the hour's, too."""
        if paid or flushed.attempt_cost > 0:
            spent = self.cost_before + flushed.attempt_cost
            check_task_budget(spent=spent, agent_limit=flushed.budget_max_per_task, task_limit=self.task_budget)
        if paid and flushed.budget_max_per_hour is not None:
            await self._wait_for_the_hour()

    async def _wait_for_the_hour(self) -> None:
        """Return when the hourly budget has room for the reserved call; wait while only reservations fill it."""
        while not (hour := await self.admit())["admitted"]:
            check_hourly_budget(spent=hour["spent"], limit=hour["limit"], clears_in_seconds=hour["clears_in_seconds"])
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
