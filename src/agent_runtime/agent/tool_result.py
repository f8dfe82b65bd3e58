"""What a tool gives back to the model: an error in words when it failed, and never more than the model should read."""

from typing import Any

from langchain_core.messages import AIMessage, ToolMessage

from agent_runtime.domain.errors import ToolFailed

MAX_RESULT_BYTES = 25 * 1024


def failed_result(tool_call: Any, error: Exception) -> ToolMessage:
    """The error of a tool as the result of its call."""
    text = str(error) if isinstance(error, ToolFailed) else f"{type(error).__name__}: {error}"
    return ToolMessage(content=text, tool_call_id=tool_call["id"], name=tool_call["name"], status="error")


def malformed_results(reply: AIMessage) -> list[ToolMessage]:
    """An error for each call of a reply whose arguments could not be read."""
    return [
        ToolMessage(
            content=f"The arguments are no valid JSON ({call['error']}). Call the tool again with a JSON object.",
            tool_call_id=call["id"] or "",
            name=call["name"] or "unknown",
            status="error",
        )
        for call in reply.invalid_tool_calls
    ]


def capped(message: ToolMessage) -> ToolMessage:
    """A result over 25 KB is cut to its head and its tail, with the number of bytes left out between them."""
    if not isinstance(message.content, str) or len(message.content) <= MAX_RESULT_BYTES // 4:
        return message
    data = message.content.encode("utf-8", "surrogatepass")
    if len(data) <= MAX_RESULT_BYTES:
        return message
    half = MAX_RESULT_BYTES // 2 - 64
    left_out = len(data) - 2 * half
    head, tail = data[:half].decode("utf-8", "ignore"), data[-half:].decode("utf-8", "ignore")
    return message.model_copy(update={"content": f"{head}\n[… {left_out} bytes left out …]\n{tail}"})
