"""Questions that a task puts to people: why it asks, what they may answer, and why an answer comes too late."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from agent_runtime.domain.errors import AgentRuntimeError, Conflict
from agent_runtime.domain.identifier import new_id
from agent_runtime.domain.task_lifecycle import Change, GivenAnswer, Move, NewRequest

APPROVAL = "approval"
INPUT = "input"


class Why(StrEnum):
    """Why a call waits for a person: the `reason` of an approval."""

    POLICY = "policy_ask"
    OUTCOME_UNKNOWN = "outcome_unknown"
    TOOL_CHANGED = "tool_changed"
    FORKED = "forked"


_SENTENCE = {
    Why.POLICY: "The agent wants to call {tool}. Its policy for this tool is to ask first.",
    Why.OUTCOME_UNKNOWN: "A call of {tool} was interrupted, and nobody knows whether it took effect. It is not safe to"
    " repeat: run it again, give its result, or skip it.",
    Why.TOOL_CHANGED: "The agent wants to call {tool}, whose description or arguments differ from what was approved.",
    Why.FORKED: "This task was forked, and {tool} is not safe to repeat: the original may have made this call already.",
}
_GONE = (
    "A call of {tool} was interrupted, and nobody knows whether it took effect. Its tool is not there any more, so it"
    " cannot run again unless the tool comes back: give its result, or skip it."
)


@dataclass(frozen=True)
class Question:
    """What one call asks. `place` is the call's position in its turn; `arguments` are what would run."""

    kind: str
    prompt: str
    tool_name: str
    tool_call_id: str
    place: int
    arguments: Mapping[str, Any] | None = None
    reason: str | None = None
    details: Mapping[str, Any] | None = None

    def request(self, expires_seconds: int) -> NewRequest:
        """The request that is stored for it."""
        return NewRequest(
            request_id=new_id(),
            kind=self.kind,
            prompt=self.prompt,
            expires_seconds=expires_seconds,
            tool_name=self.tool_name,
            tool_call_id=self.tool_call_id,
            tool_args=None if self.arguments is None else json.dumps(self.arguments),
            reason=self.reason,
            request_details=None if self.details is None else json.dumps(self.details),
        )


_ANSWERED_BY = {
    "waiting_for_input": " (a question is answered with respond)",
    "waiting_for_approval": " (a call is answered with approve or reject)",
}


def approval_sentence(why: Why, tool_name: str, *, gone: bool = False) -> str:
    """What a person reads above a call that waits; `gone`: nobody offers its tool now."""
    return (_GONE if gone else _SENTENCE[why]).format(tool=tool_name)


class PersonNeeded(AgentRuntimeError):
    """The attempt cannot go on without a person's answer."""

    def __init__(self, question: Question, *, expires_seconds: int) -> None:
        super().__init__(f"{question.tool_name} waits for a person: {question.reason or question.kind}")
        self.question = question
        self.expires_seconds = expires_seconds


@dataclass(frozen=True)
class Answer:
    """What a person decided. `change` is APPROVE, REJECT or RESPOND; `body` is what the worker reads back."""

    change: Change
    body: Mapping[str, Any]


def approve(arguments: Mapping[str, Any] | None, result: str | None, skip: bool) -> Answer:
    """Run the call as it is or with other arguments, or take a result or nothing in its place."""
    body: dict[str, Any] = {"decision": "approve"}
    if arguments is not None:
        body["args"] = dict(arguments)
    if result is not None:
        body["result"] = result
    if skip:
        body["skip"] = True
    return Answer(Change.APPROVE, body)


def reject(reason: str) -> Answer:
    """Do not run the call; the model reads the reason."""
    return Answer(Change.REJECT, {"decision": "reject", "reason": reason})


def respond(message: str) -> Answer:
    """Answer a question."""
    return Answer(Change.RESPOND, {"decision": "respond", "message": message})


def answer_move(tenant_id: str, task_id: str, request_id: str, answer: Answer, actor: str) -> Move:
    """The move that an answer to the open request makes."""
    details = {"request_id": request_id, "decision": answer.body["decision"], "by": actor}
    if "args" in answer.body:
        details["edited"] = True
    given = GivenAnswer(request_id, json.dumps(answer.body))
    return Move(tenant_id, task_id, answer.change, actor=actor, given=given, details=details)


@dataclass(frozen=True)
class PastRequest:
    """A request that was closed: how, by whom and when."""

    request_id: str
    state: str
    decision: str | None
    closed_by: str | None
    closed_at: datetime | None


def too_late(status: str, past: PastRequest | None) -> Conflict:
    """Why an answer is refused: the task's state, and what became of the request."""
    instead = _ANSWERED_BY.get(status, "")
    return Conflict(
        f"the task is {status} and waits for no such answer{instead}{_what_became(past)}", code="wrong_state"
    )


def other_request(status: str, open_id: str, past: PastRequest | None) -> Conflict:
    """Why an answer to another request than the open one is refused."""
    message = f"the task is {status}; its open request is {open_id}, not the one answered here{_what_became(past)}"
    return Conflict(message, code="request_closed")


def _what_became(past: PastRequest | None) -> str:
    if past is None:
        return ""
    when = f" at {past.closed_at.isoformat()}" if past.closed_at else ""
    if past.state == "answered":
        done = {"approve": "approved", "reject": "rejected", "respond": "answered"}.get(past.decision or "", "answered")
        return f": request {past.request_id} was {done} by {past.closed_by or 'somebody'}{when}"
    done = "expired without an answer" if past.state == "expired" else "withdrawn when the task ended"
    return f": request {past.request_id} {'' if past.state == 'expired' else 'was '}{done}{when}"
