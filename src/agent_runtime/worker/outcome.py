"""What an attempt can come to: one closed union, and the one place that turns it into a move of the task."""

from dataclasses import dataclass, replace
from typing import Any, assert_never

from agent_runtime.domain.budget import how_it_clears
from agent_runtime.domain.dead_letter import error_fingerprint
from agent_runtime.domain.human_request import INPUT, Question
from agent_runtime.domain.retry import Backoff, after_failure
from agent_runtime.domain.task_lifecycle import Change, Failure, Move
from agent_runtime.worker.claimed_task import ClaimedTask


@dataclass(frozen=True)
class Completed:
    """The run ended; `output` is JSON text."""

    output: str


@dataclass(frozen=True)
class Failed:
    """It cannot succeed by trying again. `reason` is a dead_letter_reason."""

    code: str
    message: str
    reason: str = "non_retryable_error"


@dataclass(frozen=True)
class RetryLater:
    """It may succeed later. `counts` is false for throttling and for outages of the database."""

    code: str
    message: str
    retry_after_seconds: float | None = None
    counts: bool = True


@dataclass(frozen=True)
class OverBudget:
    """The recorded spend reached a limit (microdollars). `reason` is a pause_reason."""

    reason: str
    limit: int
    spent: int
    clears_in_seconds: float | None = None


@dataclass(frozen=True)
class AskedHuman:
    """The task waits for a person, at most `expires_seconds`; its worker is free meanwhile."""

    question: Question
    expires_seconds: int


@dataclass(frozen=True)
class Drained:
    """The worker stops; the task goes on elsewhere at once."""


@dataclass(frozen=True)
class Dropped:
    """Somebody else ended the attempt: nothing may be written."""

    why: str


Outcome = Completed | Failed | RetryLater | OverBudget | AskedHuman | Drained | Dropped


def move_for(task: ClaimedTask, outcome: Outcome, *, progressed: bool, backoff: Backoff) -> Move | None:
    """The move that an outcome asks for; None when there is nothing to write."""
    match outcome:
        case Completed(output):
            return Move(task.tenant_id, task.task_id, Change.COMPLETE, output=output, retry_count=0, crash_count=0)
        case Failed(code, message, reason):
            return _dead_letter(task, code, message, reason)
        case RetryLater():
            return _retry(task, outcome, progressed, backoff)
        case OverBudget():
            return _pause(task, outcome, progressed)
        case AskedHuman():
            return _ask(task, outcome, progressed)
        case Drained():
            return Move(task.tenant_id, task.task_id, Change.HAND_OVER, **_after_progress(progressed))
        case Dropped():
            return None
    assert_never(outcome)


def _dead_letter(task: ClaimedTask, code: str, message: str, reason: str, retry_count: int | None = None) -> Move:
    failure = Failure(code, message, error_fingerprint(reason, code, message))
    change = Change.TIME_OUT if reason == "task_timeout" else Change.FAIL
    return Move(
        task.tenant_id, task.task_id, change, failure=failure, dead_letter_reason=reason, retry_count=retry_count
    )


def _after_progress(progressed: bool) -> dict[str, Any]:
    """Progress sets the counters back, whatever the attempt ends with."""
    return {"retry_count": 0, "crash_count": 0} if progressed else {}


def _pause(task: ClaimedTask, outcome: OverBudget, progressed: bool) -> Move:
    details: dict[str, Any] = {
        "budget_microdollars": outcome.limit,
        "spent_microdollars": outcome.spent,
        "clears": how_it_clears(outcome.reason),
    }
    return Move(
        task.tenant_id,
        task.task_id,
        Change.PAUSE,
        pause_reason=outcome.reason,
        pause_details=details,
        resume_seconds=outcome.clears_in_seconds,
        details={"pause_reason": outcome.reason, **details},
        **_after_progress(progressed),
    )


def _ask(task: ClaimedTask, outcome: AskedHuman, progressed: bool) -> Move:
    request = outcome.question.request(outcome.expires_seconds)
    details = {"request_id": request.request_id, "tool_name": request.tool_name, "tool_call_id": request.tool_call_id}
    return Move(
        task.tenant_id,
        task.task_id,
        Change.ASK_INPUT if request.kind == INPUT else Change.ASK_APPROVAL,
        request=request,
        details={**details, "reason": request.reason, "expires_in_seconds": request.expires_seconds},
        **_after_progress(progressed),
    )


def _retry(task: ClaimedTask, outcome: RetryLater, progressed: bool, backoff: Backoff) -> Move:
    if not outcome.counts:
        streak = 1 if progressed else task.throttle_streak + 1
        fresh = _after_progress(progressed)
        return replace(_later(task, outcome, backoff, streak, {"throttle_streak": streak}), **fresh)
    verdict = after_failure(retry_count=task.retry_count, max_retries=task.max_retries, progressed=progressed)
    if not verdict.tried_again:
        tries = f"after {verdict.retry_count} failed tries without a new checkpoint, the last: {outcome.message}"
        return _dead_letter(task, outcome.code, tries, "retries_exhausted", verdict.retry_count)
    return _later(task, outcome, backoff, verdict.retry_count, {"retry_count": verdict.retry_count})


def _later(task: ClaimedTask, outcome: RetryLater, backoff: Backoff, failures: int, facts: dict[str, int]) -> Move:
    delay = backoff.seconds(failures, at_least=outcome.retry_after_seconds)
    entry = {"attempt": task.attempt, "code": outcome.code, "message": outcome.message[:500], "delay_seconds": delay}
    return Move(
        task.tenant_id,
        task.task_id,
        Change.RETRY_LATER,
        failure=Failure(outcome.code, outcome.message, error_fingerprint("", outcome.code, outcome.message)),
        delay_seconds=delay,
        retry_count=facts.get("retry_count"),
        crash_count=0 if "retry_count" in facts else None,
        retry_entry={**entry, **facts},
        details={"delay_seconds": round(delay, 3), **facts},
    )
