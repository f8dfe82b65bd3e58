"""Repairs a history before it is sent: every tool call has exactly one result, whatever was cancelled or crashed."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, ToolMessage

_LOST = "This call was interrupted and has no result. Its effect is unknown; do not assume that it happened."


def repaired(messages: list[AnyMessage]) -> list[AnyMessage]:
    """The same history with an error result for each unanswered call, results in the order of their calls, and results
    that answer nothing or answer twice left out. A history that is valid is given back as it is.
    """
    if _valid(messages):
        return messages
    answers = _answers(messages)
    result: list[AnyMessage] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            continue
        result.append(message)
        for identifier, name in _calls_of(message):
            answer = answers.pop(identifier, None)
            result.append(_lost(identifier, name) if answer is None else answer)
    return result


def _valid(messages: Sequence[BaseMessage]) -> bool:
    expected: list[str] = []
    for message in messages:
        if expected:
            if not isinstance(message, ToolMessage) or message.tool_call_id != expected.pop(0):
                return False
        elif isinstance(message, ToolMessage):
            return False
        else:
            expected = [identifier for identifier, _ in _calls_of(message)]
    return not expected


def _calls_of(message: BaseMessage) -> list[tuple[str, str]]:
    if not isinstance(message, AIMessage):
        return []
    calls = [*message.tool_calls, *message.invalid_tool_calls]
    return [(call["id"] or "", call["name"] or "unknown") for call in calls]


def _answers(messages: Sequence[BaseMessage]) -> dict[str, ToolMessage]:
    first: dict[str, ToolMessage] = {}
    for message in messages:
        if isinstance(message, ToolMessage):
            first.setdefault(message.tool_call_id, message)
    return first


def _lost(call_id: str, name: str) -> ToolMessage:
    return ToolMessage(content=_LOST, tool_call_id=call_id, name=name, status="error")
