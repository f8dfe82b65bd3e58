"""Repairs a history before it is sent: every tool call has exactly one result, whatever was cancelled or crashed."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

_LOST = "This call was interrupted and has no result. Its effect is unknown; do not assume that it happened."


def repaired(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The same history with an error result for each unanswered call, results in the order of their calls, and results
    that answer nothing or answer twice left out. Gives equal messages back as they are.
    """
    answers = _answers(messages)
    result: list[BaseMessage] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            continue
        result.append(message)
        if isinstance(message, AIMessage):
            for call in [*message.tool_calls, *message.invalid_tool_calls]:
                identifier = call["id"] or ""
                result.append(answers.pop(identifier, None) or _lost(identifier, call["name"] or "unknown"))
    return result


def _answers(messages: Sequence[BaseMessage]) -> dict[str, ToolMessage]:
    first: dict[str, ToolMessage] = {}
    for message in messages:
        if isinstance(message, ToolMessage):
            first.setdefault(message.tool_call_id, message)
    return first


def _lost(call_id: str, name: str) -> ToolMessage:
    return ToolMessage(content=_LOST, tool_call_id=call_id, name=name, status="error")
