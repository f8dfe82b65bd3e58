"""The one place that says what an error in an attempt means for its task."""

from agent_runtime.agent.run_control import GraphRecursionError
from agent_runtime.checkpointer.group_commit import FlushRefused
from agent_runtime.checkpointer.serializer import NotStorable
from agent_runtime.domain.budget import BudgetReached
from agent_runtime.domain.errors import DatabaseUnavailable, LeaseLost, ModelCallFailed, TaskFailed
from agent_runtime.domain.human_request import PersonNeeded
from agent_runtime.fault_points import FaultInjected
from agent_runtime.worker.outcome import AskedHuman, Dropped, Failed, Outcome, OverBudget, RetryLater


def classify(error: BaseException) -> Outcome:
    """The outcome of an attempt that ended with `error`. An error that no rule knows is tried again: it may be the
    machine's, and its retries are bounded.
    """
    match error:
        case LeaseLost(outcome=outcome):
            return Dropped(outcome)
        case BudgetReached():
            return OverBudget(error.reason, error.limit, error.spent, error.clears_in_seconds)
        case PersonNeeded(question=question, expires_seconds=seconds):
            return AskedHuman(question, seconds)
        case ModelCallFailed():
            return _model_failure(error)
        case TaskFailed(code=code, retryable=retryable, reason=reason):
            return (
                RetryLater(code, str(error)) if retryable else Failed(code, str(error), reason or "non_retryable_error")
            )
        case DatabaseUnavailable():
            return RetryLater("internal_error", str(error), counts=False)
        case NotStorable() | FlushRefused():
            return Failed("internal_error", str(error))
        case GraphRecursionError():
            return Failed("max_steps_exceeded", str(error), "max_steps_exceeded")
        case FaultInjected():
            return RetryLater("internal_error", str(error))
    return RetryLater("internal_error", f"{type(error).__name__}: {error}")


def _model_failure(error: ModelCallFailed) -> Outcome:
    if error.context_exceeded:
        return Failed(error.code, str(error), "context_exceeded_irrecoverable")
    if error.retryable or error.throttled:
        return RetryLater(error.code, str(error), error.retry_after_seconds, counts=not error.throttled)
    return Failed(error.code, str(error))
