"""What a tool gives back to the model: an error in words when it failed, and never more than the model should read."""

from typing import Any

from langchain_core.messages import AIMessage, ToolMessage

from agent_runtime.domain.errors import ToolFailed

MAX_RESULT_BYTES = 25 * 1024
KEPT_BYTES = 4 * 1_048_576
RECALL = "recall_tool_result"


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


def unfinished(seconds: float) -> ToolFailed:
    """What the model reads of a tool that did not come back."""
    return ToolFailed(f"the tool did not finish within {seconds:g} s and was stopped; it may have taken effect")


def long_text(message: ToolMessage) -> bytes | None:
    """The text of a result that is over 25 KB, in UTF-8; None for one that may stay as it is."""
    text = _text_of(message.content)
    if text is None or len(text) <= MAX_RESULT_BYTES // 4:
        return None
    data = text.encode("utf-8", "replace")
    return data if len(data) > MAX_RESULT_BYTES else None


def _text_of(content: Any) -> str | None:
    """The text of a message; None when it holds anything else, such as a picture."""
    if isinstance(content, str):
        return content
    blocks = [block.get("text") if isinstance(block, dict) else block for block in content]
    texts = [block for block in blocks if isinstance(block, str)]
    return "\n".join(texts) if len(texts) == len(blocks) else None


def kept_part(data: bytes) -> tuple[bytes, int]:
    """As much of a long result as is kept, and how many bytes are not."""
    return data[:KEPT_BYTES], max(len(data) - KEPT_BYTES, 0)


def shortened(message: ToolMessage, data: bytes, *, recallable: bool) -> ToolMessage:
    """The head and the tail of a long result, with what is missing between them and how it can be read."""
    half = MAX_RESULT_BYTES // 2 - 256
    head, tail = data[:half].decode("utf-8", "ignore"), data[-half:].decode("utf-8", "ignore")
    how = f"; read them with {RECALL}(tool_call_id={message.tool_call_id[:200]!r}, offset={half})" if recallable else ""
    note = f"[… {len(data) - 2 * half} bytes left out of {len(data)}{how} …]"
    return message.model_copy(update={"content": f"{head}\n{note}\n{tail}"})
