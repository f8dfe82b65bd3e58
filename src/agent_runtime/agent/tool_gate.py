"""What may become of a tool call before it starts: run, give what is known already, or wait for a person.

Decided from the policy of the tool, from the ledger of earlier attempts and from people's answers. A call that has a
recorded result is not run again; one whose outcome is unknown and that is not safe to repeat is run on a person's word
only; an answer counts once, for the very call and arguments that it was given for.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langgraph.errors import GraphInterrupt
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Interrupt

from agent_runtime.agent.arguments import arguments_problem
from agent_runtime.checkpointer.serializer import decode_message, encode_message
from agent_runtime.checkpointer.stored_form import checksum, from_bytes, to_bytes, verified
from agent_runtime.domain.human_request import INPUT, Question, Why, approval_sentence
from agent_runtime.domain.tool_policy import ASKS_PERSON, ToolPolicy
from agent_runtime.store.database import Row
from agent_runtime.store.tool_call import ToolCallRow


@dataclass(frozen=True)
class Run:
    """The call may start, with `arguments`. `recorded` calls have a row from before their start to after their end."""

    arguments: Mapping[str, Any]
    recorded: bool
    request_id: str | None = None


@dataclass(frozen=True)
class Give:
    """The call has its result without running; `row` goes into the ledger with it."""

    message: ToolMessage
    row: ToolCallRow | None = None


@dataclass
class PastCalls:
    """What earlier attempts and people left: ledger rows and unused answers by call."""

    calls: dict[str, Row] = field(default_factory=dict)
    answers: dict[str, Row] = field(default_factory=dict)

    def of_call(self, call: Any) -> Row | None:
        """The ledger's row of a call; none when only the id is the same, as may be after a step was taken back."""
        row = self.calls.get(call["id"] or "")
        same = row is not None and row["tool_name"] == call["name"] and row["arguments"] == call["args"]
        return row if same else None

    @classmethod
    def of(cls, calls: Sequence[Row], answers: Sequence[Row]) -> "PastCalls":
        """From rows of the store, oldest first."""
        return cls({row["tool_call_id"]: row for row in calls}, {row["tool_call_id"]: row for row in answers})


@dataclass(frozen=True)
class Concern:
    """Why a tool that its server offers may not run unseen, with the difference to what was approved."""

    reason: str
    details: Mapping[str, Any]


def decide(
    request: ToolCallRequest, policy: ToolPolicy, past: PastCalls, concern: Concern | None
) -> Run | Give | Question:
    """What becomes of a call."""
    call = request.tool_call
    call_id: str = call["id"] or ""
    arguments: Mapping[str, Any] = call["args"]
    row, answer = past.of_call(call), past.answers.get(call_id)
    if row is not None and row["body"]:
        return Give(_recorded(row, call))
    unusable = request.tool is None or arguments_problem(request.tool, arguments) is not None
    if unusable and (row is None or policy.safe_to_repeat):
        # The tool node words the mistake for the model; a person need not see it. A call that was started is another
        # matter: that its tool has vanished since does not undo what it did.
        return Run(arguments, recorded=False)
    if call["name"] == ASKS_PERSON:
        return _input(request, answer)
    why, arguments = _why(policy, row, concern), _started_with(row, arguments)
    if why is None:
        return Run(arguments, recorded=not policy.safe_to_repeat or row is not None)
    if answer is None or answer["reason"] != why or answer["tool_args"] != arguments:
        return _approval(request, arguments, why, concern)
    decided = _answered(call, arguments, answer)
    # Nobody can run what is not there: the person is asked again, and told so.
    gone = isinstance(decided, Run) and request.tool is None
    return _approval(request, arguments, why, concern) if gone else decided


def _why(policy: ToolPolicy, row: Row | None, concern: Concern | None) -> Why | None:
    if row is not None:
        # It was started: a person's word, if one was needed, has been used up by that start.
        return None if policy.safe_to_repeat else Why.OUTCOME_UNKNOWN
    if concern is not None:
        return Why(concern.reason)
    if policy.asks:
        return Why.POLICY
    return Why.FORKED if policy.asks_as_fork else None


def _started_with(row: Row | None, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """A started call is asked about, and run again, with what it was started with: a person may have edited that."""
    edited: Mapping[str, Any] | None = (row["answer"] or {}).get("args") if row is not None else None
    return arguments if edited is None else edited


def _input(request: ToolCallRequest, answer: Row | None) -> Give | Question:
    call = request.tool_call
    if answer is None:
        return Question(INPUT, str(call["args"]["prompt"]), call["name"], call["id"] or "", _place(request))
    return _given(call, str(answer["answer"].get("message", "")), answer, failed=False)


def _approval(request: ToolCallRequest, arguments: Mapping[str, Any], why: Why, concern: Concern | None) -> Question:
    call = request.tool_call
    return Question(
        kind="approval",
        prompt=approval_sentence(why, call["name"], gone=request.tool is None),
        tool_name=call["name"],
        tool_call_id=call["id"] or "",
        place=_place(request),
        arguments=arguments,
        reason=str(why),
        details=concern.details if concern is not None and why == concern.reason else None,
    )


def _answered(call: Any, arguments: Mapping[str, Any], answer: Row) -> Run | Give:
    body = answer["answer"]
    if body["decision"] == "reject":
        return _given(call, f"A person refused this call: {body['reason']}", answer, failed=True)
    if "result" in body:
        return _given(call, body["result"], answer, failed=False)
    if body.get("skip"):
        text = "A person decided to skip this call. Nobody knows whether it took effect."
        return _given(call, text, answer, failed=True)
    return Run(body.get("args", arguments), recorded=True, request_id=str(answer["request_id"]))


def _given(call: Any, text: str, answer: Row, *, failed: bool) -> Give:
    status = "error" if failed else "success"
    message = ToolMessage(content=text, tool_call_id=call["id"] or "", name=call["name"], status=status)
    return Give(message, finished_row(call, message, request_id=str(answer["request_id"])))


def _recorded(row: Row, call: Any) -> ToolMessage:
    message = decode_message(from_bytes(verified(row, f"the result of call {row['tool_call_id']}")))
    assert isinstance(message, ToolMessage), call["name"]  # noqa: S101 - only results are stored there
    return message


def _place(request: ToolCallRequest) -> int:
    """Where the call stands in its turn, so that people are asked in the model's order."""
    messages = request.state.get("messages", []) if isinstance(request.state, dict) else []
    turn = next((message for message in reversed(messages) if isinstance(message, AIMessage)), None)
    ids = [each["id"] for each in turn.tool_calls] if turn is not None else []
    call_id = request.tool_call["id"]
    return ids.index(call_id) if call_id in ids else len(ids)


def started_row(call: Any, run: Run) -> ToolCallRow:
    """The intent of a call, committed before it starts."""
    return ToolCallRow(call["id"] or "", call["name"], "started", json.dumps(call["args"]), request_id=run.request_id)


def unknown_row(call: Any) -> ToolCallRow:
    """A call that was started and whose end nobody knows."""
    return ToolCallRow(call["id"] or "", call["name"], "unknown", json.dumps(call["args"]))


def finished_row(
    call: Any, message: ToolMessage, *, unknown: bool = False, request_id: str | None = None
) -> ToolCallRow:
    """The recorded result of a call."""
    state = "unknown" if unknown else "failed" if message.status == "error" else "succeeded"
    body = to_bytes(encode_message(message))
    arguments = json.dumps(call["args"])
    return ToolCallRow(call["id"] or "", call["name"], state, arguments, body, checksum(body), request_id)


def stop_for_person(question: Question) -> GraphInterrupt:
    """Ends this call's part of the step; its siblings come to their end first."""
    return GraphInterrupt((Interrupt(value=question.reason or question.kind, id=question.tool_call_id),))


def edited_note(message: ToolMessage, arguments: Mapping[str, Any]) -> ToolMessage:
    """A result that says what ran, where a person changed the arguments."""
    note = f"[A person changed the arguments of this call to {json.dumps(arguments, ensure_ascii=False)}]"
    if isinstance(message.content, str):
        return message.model_copy(update={"content": f"{note}\n{message.content}"})
    return message.model_copy(update={"content": [{"type": "text", "text": note}, *message.content]})
