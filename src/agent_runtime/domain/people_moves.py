"""The moves that people make: cancel, resume, redrive, follow-up, and the developer controls."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from agent_runtime.domain.dead_letter import error_fingerprint
from agent_runtime.domain.errors import Conflict
from agent_runtime.domain.identifier import new_id
from agent_runtime.domain.task_lifecycle import Change, Failure, Move, NextRun

_CANCELLED = ("cancelled_by_user", "cancelled", "A person cancelled the task.")
_FORCED = ("non_retryable_error", "forced_dead_letter", "The developer controls made this task a dead letter.")
_VERB = {
    Change.CANCEL: "cancelled",
    Change.RESUME: "resumed",
    Change.REDRIVE: "redriven",
    Change.FOLLOW_UP: "followed up",
    Change.LEASE_EXPIRED: "taken from its worker",
    Change.APPROVE: "approved",
    Change.REJECT: "rejected",
    Change.RESPOND: "answered",
    Change.FORCE_DEAD_LETTER: "forced into a dead letter",
}


def cancel(tenant_id: str, task_id: str) -> Move:
    """End a task for good."""
    return Move(tenant_id, task_id, Change.CANCEL, failure=_failure(*_CANCELLED), dead_letter_reason=_CANCELLED[0])


def force_dead_letter(tenant_id: str, task_id: str) -> Move:
    """End a running task as if it had failed."""
    return Move(tenant_id, task_id, Change.FORCE_DEAD_LETTER, failure=_failure(*_FORCED), dead_letter_reason=_FORCED[0])


def expire_lease(tenant_id: str, task_id: str) -> Move:
    """Take a running task from its worker."""
    return Move(tenant_id, task_id, Change.LEASE_EXPIRED, saves_cost=True)


def resume(tenant_id: str, task_id: str) -> Move:
    """Queue a paused task again."""
    return Move(tenant_id, task_id, Change.RESUME)


@dataclass(frozen=True)
class Restart:
    """How a redrive differs from going on at the last checkpoint: where it starts, what is said there, what went."""

    from_checkpoint_id: str | None = None
    input: str | None = None
    details: Mapping[str, Any] | None = None


def redrive(tenant_id: str, task_id: str, restart: Restart | None = None) -> Move:
    """Start a new run of a dead letter at its last checkpoint, with all tries ahead of it."""
    how = restart or Restart()
    run = NextRun(new_id(), "redrive", how.input, how.from_checkpoint_id)
    move = Move(tenant_id, task_id, Change.REDRIVE, next_run=run, retry_count=0, crash_count=0, saves_cost=True)
    return replace(move, details=dict(how.details)) if how.details else move


def follow_up(tenant_id: str, task_id: str, message: str) -> Move:
    """Start a new run of a completed task with one more message."""
    run = NextRun(run_id=new_id(), kind="follow_up", input=message)
    return Move(tenant_id, task_id, Change.FOLLOW_UP, next_run=run, retry_count=0, crash_count=0)


def refusal(move: Move, status: str) -> Conflict:
    """Why a move did not land, naming the state that the task is in."""
    allowed = " or ".join(move.transition.from_statuses)
    return Conflict(
        f"the task is {status}, so it cannot be {_VERB[move.change]}: that needs a task that is {allowed}",
        code="wrong_state",
    )


def _failure(reason: str, code: str, message: str) -> Failure:
    return Failure(code, message, error_fingerprint(reason, code, message))
