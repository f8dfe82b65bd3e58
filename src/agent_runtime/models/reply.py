"""From the pieces of a stream to one reply that may enter a conversation.

A reply is accepted only with a finish reason. Tool arguments are parsed strictly: langchain completes cut-off JSON,
which would run a tool with half of its arguments. Tool call ids are made unique within the conversation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, InvalidToolCall, ToolCall
from langchain_core.messages.ai import add_ai_message_chunks

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "malformed", "other"]

FOLD_EVERY = 64
"""Chunks are summed in groups, so that a long stream does not keep thousands of objects alive."""

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "completed": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "incomplete": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "refusal": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "malformed_function_call": "malformed",
    "unexpected_tool_call": "malformed",
}
_REASON_KEYS = ("finish_reason", "stop_reason", "stopReason", "status")


class ReadCalls(NamedTuple):
    """The tool calls of a reply in order, split into those with readable arguments and those without."""

    valid: list[ToolCall]
    invalid: list[InvalidToolCall]
    ids: list[str]


class ReplyBuilder:
    """Collects the chunks of one stream."""

    def __init__(self) -> None:
        self._pending: list[AIMessageChunk] = []
        self.pieces = 0

    def add(self, chunk: AIMessageChunk) -> None:
        """Take the next chunk."""
        self.pieces += 1
        self._pending.append(chunk)
        if len(self._pending) >= FOLD_EVERY:
            self._pending = [add_ai_message_chunks(*self._pending)]

    def whole(self) -> AIMessageChunk | None:
        """The sum of all chunks, usage added up; None when there was none."""
        if not self._pending:
            return None
        return add_ai_message_chunks(*self._pending) if len(self._pending) > 1 else self._pending[0]


def finish_reason_of(message: BaseMessage) -> FinishReason | None:
    """Why the model stopped, in one vocabulary for all providers; None when it never said so."""
    metadata = message.response_metadata
    value = next((metadata[key] for key in _REASON_KEYS if metadata.get(key)), None)
    return None if value is None else _REASONS.get(str(value).lower(), "other")


def has_content(chunk: AIMessageChunk) -> bool:
    """Whether a chunk moves the reply on. Pings, empty deltas and bare usage do not."""
    if chunk.content or chunk.tool_call_chunks or chunk.additional_kwargs:
        return True
    metadata = chunk.response_metadata
    return any(metadata.get(key) for key in _REASON_KEYS)


def finished_message(reply: AIMessageChunk, history: Sequence[BaseMessage]) -> AIMessage:
    """The reply as a message, tool calls read strictly and with ids that occur nowhere else in `history`."""
    if not reply.tool_call_chunks:
        content, calls = reply.content, ReadCalls([], [], [])
    else:
        calls = _read_calls(reply, history)
        content = _with_call_ids(reply.content, calls.ids)
    return AIMessage(
        content=content,
        additional_kwargs=reply.additional_kwargs,
        response_metadata=reply.response_metadata,
        usage_metadata=reply.usage_metadata,
        id=reply.id,
        tool_calls=calls.valid,
        invalid_tool_calls=calls.invalid,
    )


def _read_calls(reply: AIMessageChunk, history: Sequence[BaseMessage]) -> ReadCalls:
    calls = ReadCalls([], [], [])
    call_ids = UniqueCallIds(history)
    for chunk in reply.tool_call_chunks:
        name, text, call_id = chunk["name"] or "", chunk["args"] or "", call_ids.take(chunk["id"])
        calls.ids.append(call_id)
        arguments, problem = parse_arguments(text)
        if arguments is None or not name:
            problem = problem or "the call names no tool"
            calls.invalid.append(
                InvalidToolCall(type="invalid_tool_call", name=name, args=text, id=call_id, error=problem)
            )
        else:
            calls.valid.append(ToolCall(type="tool_call", name=name, args=arguments, id=call_id))
    return calls


class UniqueCallIds:
    """Gives each tool call an id of its own. The same reply to the same history always gets the same ids."""

    def __init__(self, history: Iterable[BaseMessage]) -> None:
        self._taken: set[str] = set()
        self.turn = 0
        for message in history:
            if isinstance(message, AIMessage):
                self.turn += 1
                self._taken.update(call["id"] or "" for call in message.tool_calls)
                self._taken.update(call["id"] or "" for call in message.invalid_tool_calls)

    def take(self, wanted: str | None) -> str:
        """`wanted` if it is free, else an id made from it, the turn and a counter."""
        chosen, suffix = wanted or "", 0
        while not chosen or chosen in self._taken:
            chosen = f"{(wanted or 'call')[:24]}-{self.turn}-{suffix}"
            suffix += 1
        self._taken.add(chosen)
        return chosen


def parse_arguments(text: str) -> tuple[dict[str, Any] | None, str | None]:
    """Tool arguments from their JSON text, or None and what is wrong with it. No text means no arguments."""
    if not text.strip():
        return {}, None
    try:
        arguments = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return None, f"the arguments are not valid JSON: {error}"
    if not isinstance(arguments, dict):
        return None, "the arguments are not a JSON object"
    return arguments, None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _with_call_ids(content: Any, ids: list[str]) -> Any:
    """Content blocks of Anthropic and Bedrock repeat each call's id: they get the same ids, in order."""
    if not isinstance(content, list):
        return content
    blocks = [block for block in content if isinstance(block, Mapping) and block.get("type") == "tool_use"]
    if len(blocks) != len(ids):
        return content
    remaining = iter(ids)
    return [
        {**block, "id": next(remaining)} if isinstance(block, Mapping) and block.get("type") == "tool_use" else block
        for block in content
    ]
