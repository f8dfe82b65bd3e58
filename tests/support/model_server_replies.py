"""Replies in the wire forms of OpenAI, Anthropic and Google: whole, and as the events of a stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from agent_runtime.models.script import Turn

MOST_PIECES = 40
ANTHROPIC_FINISHES = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}
GOOGLE_FINISHES = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS"}


@dataclass(frozen=True)
class Call:
    """One tool call on the wire; `arguments` is JSON text."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Reply:
    """What is said, whatever the protocol."""

    reply_id: str
    model: str
    text: str
    calls: tuple[Call, ...]
    finish: str
    turn: Turn
    with_usage: bool = True
    empty: bool = False
    pieces: list[str] = field(default_factory=list)


def make_reply(turn: Turn, number: int, step: int, model: str, fault: str | None) -> Reply:
    """The reply of a turn, bent by a fault that strikes its content."""
    calls = tuple(
        Call(call.call_id or f"call_{step}_{index}", call.name, call.arguments) for index, call in enumerate(turn.calls)
    )
    reply = Reply(f"reply-{number}", model, turn.text, calls, "", turn, pieces=_pieces(turn.text))
    bend = _BENDS.get(fault or "")
    bent = reply if bend is None else bend(reply)
    return replace(bent, finish=turn.finish_reason or ("tool_calls" if bent.calls else "stop"))


def _pieces(text: str) -> list[str]:
    words = text.split(" ")
    step = max(1, -(-len(words) // MOST_PIECES))
    groups = [" ".join(words[start : start + step]) for start in range(0, len(words), step)]
    return [group if index == 0 else f" {group}" for index, group in enumerate(groups)] if text else []


def _calls_or_one(reply: Reply, least: int = 1) -> list[Call]:
    calls = list(reply.calls)
    while len(calls) < least:
        calls.append(Call(f"call_extra_{len(calls)}", "calculator", '{"expression":"1+1"}'))
    return calls


def _duplicate_ids(reply: Reply) -> Reply:
    return replace(reply, calls=tuple(replace(call, call_id="call_same") for call in _calls_or_one(reply, 2)))


def _empty_ids(reply: Reply) -> Reply:
    return replace(reply, calls=tuple(replace(call, call_id="") for call in _calls_or_one(reply)))


def _unknown_tool(reply: Reply) -> Reply:
    return replace(reply, calls=tuple(replace(call, name="no_such_tool") for call in _calls_or_one(reply)))


def _invalid_arguments(reply: Reply) -> Reply:
    return replace(reply, calls=tuple(replace(call, arguments='{"expression": "1+') for call in _calls_or_one(reply)))


_BENDS: dict[str, Callable[[Reply], Reply]] = {
    "duplicate_ids": _duplicate_ids,
    "empty_ids": _empty_ids,
    "unknown_tool": _unknown_tool,
    "invalid_arguments": _invalid_arguments,
    "no_usage": lambda reply: replace(reply, with_usage=False),
    "empty_choices": lambda reply: replace(reply, empty=True),
}


def sse(data: Any, event: str | None = None) -> bytes:
    """One server-sent event."""
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


class OpenAIWire:
    """Chat completions."""

    content_type = "text/event-stream"
    ping = b": ping\n\n"
    malformed = b'data: {"choices": [{"index": 0, "delta": {"content": "bro\n\n'

    def error(self, status: int, message: str) -> dict[str, Any]:
        kind = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}.get(status, "server_error")
        return {"error": {"message": message, "type": kind if status != 400 else "invalid_request_error", "code": kind}}

    def whole(self, reply: Reply) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
        if reply.calls:
            message["tool_calls"] = [self._call(call) for call in reply.calls]
        choice = {"index": 0, "message": message, "finish_reason": reply.finish}
        answer: dict[str, Any] = {"id": reply.reply_id, "object": "chat.completion", "created": 0, "model": reply.model}
        answer["choices"] = [] if reply.empty else [choice]
        return {**answer, "usage": self._usage(reply)} if reply.with_usage else answer

    def events(self, reply: Reply, body: dict[str, Any]) -> list[bytes]:
        events = [self._delta(reply, {"role": "assistant", "content": ""})]
        events += [self._delta(reply, {"content": piece}) for piece in reply.pieces]
        for index, call in enumerate(reply.calls):
            opened = {"index": index, **self._call(call)}
            opened["function"] = {"name": call.name, "arguments": ""}
            events.append(self._delta(reply, {"tool_calls": [opened]}))
            rest = {"index": index, "function": {"arguments": call.arguments}}
            events.append(self._delta(reply, {"tool_calls": [rest]}))
        events.append(self._delta(reply, {}, reply.finish))
        if reply.with_usage and (body.get("stream_options") or {}).get("include_usage"):
            events.append(sse({**self._chunk(reply), "choices": [], "usage": self._usage(reply)}))
        return [*events, sse("[DONE]")]

    def _call(self, call: Call) -> dict[str, Any]:
        return {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}

    def _chunk(self, reply: Reply) -> dict[str, Any]:
        return {"id": reply.reply_id, "object": "chat.completion.chunk", "created": 0, "model": reply.model}

    def _delta(self, reply: Reply, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choices = [] if reply.empty else [{"index": 0, "delta": delta, "finish_reason": finish}]
        return sse({**self._chunk(reply), "choices": choices})

    def _usage(self, reply: Reply) -> dict[str, Any]:
        turn = reply.turn
        return {
            "prompt_tokens": turn.input_tokens,
            "completion_tokens": turn.output_tokens,
            "total_tokens": turn.input_tokens + turn.output_tokens,
            "prompt_tokens_details": {"cached_tokens": turn.cache_read_tokens},
        }


class AnthropicWire:
    """The Messages API. Its `input_tokens` leave out the cached ones."""

    content_type = "text/event-stream"
    ping = sse({"type": "ping"}, "ping")
    malformed = b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0, "delta": {"te\n\n'

    def error(self, status: int, message: str) -> dict[str, Any]:
        kinds = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error"}
        kinds |= {429: "rate_limit_error", 529: "overloaded_error"}
        return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message}}

    def whole(self, reply: Reply) -> dict[str, Any]:
        blocks = [self._block(call, json.loads(call.arguments)) for call in reply.calls]
        if reply.text:
            blocks.insert(0, {"type": "text", "text": reply.text})
        return {
            **self._message(reply),
            "content": blocks,
            "stop_reason": self._finish(reply),
            "usage": self._usage(reply),
        }

    def events(self, reply: Reply, body: dict[str, Any]) -> list[bytes]:
        start = {**self._message(reply), "content": [], "stop_reason": None}
        start["usage"] = {**self._usage(reply), "output_tokens": 1} if reply.with_usage else {}
        events = [self._event("message_start", message=start)]
        if reply.empty:
            return [*events, self._event("message_stop")]
        index = 0
        if reply.pieces:
            deltas = [{"type": "text_delta", "text": piece} for piece in reply.pieces]
            events += self._block_events(0, {"type": "text", "text": ""}, deltas)
            index = 1
        for call in reply.calls:
            deltas = [{"type": "input_json_delta", "partial_json": call.arguments}]
            events += self._block_events(index, self._block(call, {}), deltas)
            index += 1
        usage = self._usage(reply) if reply.with_usage else {"output_tokens": 0}
        events.append(self._event("message_delta", delta={"stop_reason": self._finish(reply)}, usage=usage))
        return [*events, self._event("message_stop")]

    def _event(self, kind: str, **fields: Any) -> bytes:
        return sse({"type": kind, **fields}, kind)

    def _block_events(self, index: int, block: dict[str, Any], deltas: list[dict[str, Any]]) -> list[bytes]:
        opened = self._event("content_block_start", index=index, content_block=block)
        moved = [self._event("content_block_delta", index=index, delta=delta) for delta in deltas]
        return [opened, *moved, self._event("content_block_stop", index=index)]

    def _block(self, call: Call, arguments: Any) -> dict[str, Any]:
        return {"type": "tool_use", "id": call.call_id, "name": call.name, "input": arguments}

    def _message(self, reply: Reply) -> dict[str, Any]:
        return {
            "id": reply.reply_id,
            "type": "message",
            "role": "assistant",
            "model": reply.model,
            "stop_sequence": None,
        }

    def _finish(self, reply: Reply) -> str:
        return ANTHROPIC_FINISHES.get(reply.finish, reply.finish)

    def _usage(self, reply: Reply) -> dict[str, Any]:
        turn = reply.turn
        return {
            "input_tokens": turn.input_tokens - turn.cache_read_tokens - turn.cache_write_tokens,
            "output_tokens": turn.output_tokens,
            "cache_read_input_tokens": turn.cache_read_tokens,
            "cache_creation_input_tokens": turn.cache_write_tokens,
        }


class GoogleWire:
    """generateContent and streamGenerateContent with `alt=sse`."""

    content_type = "text/event-stream"
    ping = b": ping\n\n"
    malformed = b'data: {"candidates": [{"content": {"parts": [{"te\n\n'

    def error(self, status: int, message: str) -> dict[str, Any]:
        words = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
        return {"error": {"code": status, "message": message, "status": words.get(status, "INTERNAL")}}

    def whole(self, reply: Reply) -> dict[str, Any]:
        parts: list[dict[str, Any]] = [{"text": reply.text}] if reply.text else []
        return self._answer(reply, parts + [self._call(call) for call in reply.calls], last=True)

    def events(self, reply: Reply, body: dict[str, Any]) -> list[bytes]:
        events = [sse(self._answer(reply, [{"text": piece}], last=False)) for piece in reply.pieces]
        return [*events, sse(self._answer(reply, [self._call(call) for call in reply.calls], last=True))]

    def _call(self, call: Call) -> dict[str, Any]:
        return {"functionCall": {"name": call.name, "args": json.loads(call.arguments)}}

    def _answer(self, reply: Reply, parts: list[dict[str, Any]], *, last: bool) -> dict[str, Any]:
        candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
        answer: dict[str, Any] = {"modelVersion": reply.model, "responseId": reply.reply_id}
        if last:
            candidate["finishReason"] = GOOGLE_FINISHES.get(reply.finish, reply.finish)
        answer["candidates"] = [] if reply.empty else [candidate]
        if last and reply.with_usage:
            turn = reply.turn
            answer["usageMetadata"] = {
                "promptTokenCount": turn.input_tokens,
                "candidatesTokenCount": turn.output_tokens,
                "totalTokenCount": turn.input_tokens + turn.output_tokens,
                "cachedContentTokenCount": turn.cache_read_tokens,
            }
        return answer
