"""The states of a task and the one table of what moves it; the drawing in docs/lifecycle.md is made from this table."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Where a task is. `completed` and `dead_letter` are terminal, `waiting_*` wait for people, `paused` for budget."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    WAITING_FOR_INPUT = "waiting_for_input"
    PAUSED = "paused"
    COMPLETED = "completed"
    DEAD_LETTER = "dead_letter"


class Change(StrEnum):
    """What happens to a task after it was submitted and claimed."""

    COMPLETE = "complete"
    FAIL = "fail"
    RETRY_LATER = "retry_later"
    HAND_OVER = "hand_over"
    LEASE_EXPIRED = "lease_expired"
    LEASE_EXPIRED_FOR_GOOD = "lease_expired_for_good"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    TIME_OUT = "time_out"
    FORCE_DEAD_LETTER = "force_dead_letter"
    REDRIVE = "redrive"
    FOLLOW_UP = "follow_up"
    ASK_APPROVAL = "ask_approval"
    ASK_INPUT = "ask_input"
    APPROVE = "approve"
    REJECT = "reject"
    RESPOND = "respond"
    EXPIRE_REQUEST = "expire_request"


@dataclass(frozen=True)
class Transition:
    """One row of the table: from which states, to which state, and the event that tells of it."""

    from_statuses: tuple[Status, ...]
    to_status: Status
    event_type: str


_LIVE = (
    Status.QUEUED,
    Status.RUNNING,
    Status.WAITING_FOR_APPROVAL,
    Status.WAITING_FOR_INPUT,
    Status.PAUSED,
)

TRANSITIONS: dict[Change, Transition] = {
    Change.COMPLETE: Transition((Status.RUNNING,), Status.COMPLETED, "task_completed"),
    Change.FAIL: Transition((Status.RUNNING,), Status.DEAD_LETTER, "task_dead_lettered"),
    Change.RETRY_LATER: Transition((Status.RUNNING,), Status.QUEUED, "task_retry_scheduled"),
    Change.HAND_OVER: Transition((Status.RUNNING,), Status.QUEUED, "task_handed_over"),
    Change.LEASE_EXPIRED: Transition((Status.RUNNING,), Status.QUEUED, "task_reclaimed_after_lease_expiry"),
    Change.LEASE_EXPIRED_FOR_GOOD: Transition((Status.RUNNING,), Status.DEAD_LETTER, "task_dead_lettered"),
    Change.PAUSE: Transition((Status.RUNNING,), Status.PAUSED, "task_paused"),
    Change.RESUME: Transition((Status.PAUSED,), Status.QUEUED, "task_resumed"),
    Change.CANCEL: Transition(_LIVE, Status.DEAD_LETTER, "task_cancelled"),
    Change.TIME_OUT: Transition((Status.QUEUED, Status.RUNNING), Status.DEAD_LETTER, "task_dead_lettered"),
    Change.FORCE_DEAD_LETTER: Transition((Status.RUNNING,), Status.DEAD_LETTER, "task_dead_lettered"),
    Change.REDRIVE: Transition((Status.DEAD_LETTER,), Status.QUEUED, "task_redriven"),
    Change.FOLLOW_UP: Transition((Status.COMPLETED,), Status.QUEUED, "task_follow_up"),
    Change.ASK_APPROVAL: Transition((Status.RUNNING,), Status.WAITING_FOR_APPROVAL, "task_approval_requested"),
    Change.ASK_INPUT: Transition((Status.RUNNING,), Status.WAITING_FOR_INPUT, "task_input_requested"),
    Change.APPROVE: Transition((Status.WAITING_FOR_APPROVAL,), Status.QUEUED, "task_approved"),
    Change.REJECT: Transition((Status.WAITING_FOR_APPROVAL,), Status.QUEUED, "task_rejected"),
    Change.RESPOND: Transition((Status.WAITING_FOR_INPUT,), Status.QUEUED, "task_input_received"),
    Change.EXPIRE_REQUEST: Transition(
        (Status.WAITING_FOR_APPROVAL, Status.WAITING_FOR_INPUT), Status.DEAD_LETTER, "task_dead_lettered"
    ),
}

TERMINAL = frozenset({Status.COMPLETED, Status.DEAD_LETTER})


@dataclass(frozen=True)
class Failure:
    """Why an attempt ended badly: a machine word, a sentence for people, and the fingerprint that groups its like."""

    code: str
    message: str
    fingerprint: str


@dataclass(frozen=True)
class NextRun:
    """The run that a redrive or a follow-up starts. `input` is None when the run goes on with what is there."""

    run_id: str
    kind: str
    input: str | None = None
    from_checkpoint_id: str | None = None


@dataclass(frozen=True)
class NewRequest:
    """The question that a waiting task puts to people. `tool_args` and `details` are JSON text."""

    request_id: str
    kind: str
    prompt: str
    expires_seconds: int
    tool_name: str | None = None
    tool_call_id: str | None = None
    tool_args: str | None = None
    reason: str | None = None
    request_details: str | None = None


@dataclass(frozen=True)
class GivenAnswer:
    """A person's answer to the open request `answers_request`. `answer` is JSON text."""

    answers_request: str
    answer: str


@dataclass(frozen=True)
class Move:
    """One change of one task, to be landed by the store. Made by the constructors below only.

    `attempt` is the fence of a worker's move and None for moves of people and timers; `flush_number` asks in addition
    that this write of the worker has landed,
    `overdue` that the task's time is still up, `paused_for` that it is still paused for that reason, `given` that the
    request it answers is still open, `expires` that the open request's time is up.
    `output` is JSON text. Durations are seconds on the database's clock.
    """

    tenant_id: str
    task_id: str
    change: Change
    attempt: int | None = None
    flush_number: int | None = None
    overdue: bool | None = None
    expires: bool | None = None
    paused_for: str | None = None
    actor: str | None = None
    failure: Failure | None = None
    dead_letter_reason: str | None = None
    delay_seconds: float | None = None
    retry_count: int | None = None
    crash_count: int | None = None
    retry_entry: dict[str, Any] | None = None
    output: str | None = None
    pause_reason: str | None = None
    pause_details: dict[str, Any] | None = None
    resume_seconds: float | None = None
    details: dict[str, Any] | None = None
    saves_cost: bool = False
    next_run: NextRun | None = None
    request: NewRequest | None = None
    given: GivenAnswer | None = None

    @property
    def transition(self) -> Transition:
        """The row of the table that this move is an instance of."""
        return TRANSITIONS[self.change]
