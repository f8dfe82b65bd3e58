"""Replies of Bedrock's Converse API. Its stream is binary: frames with checksums (AWS event stream encoding)."""

from __future__ import annotations

import json
import struct
from binascii import crc32
from typing import Any

from tests.support.model_server_replies import Reply

STRING_HEADER = 7
BEDROCK_FINISHES = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}


def frame(event: str, payload: dict[str, Any], message_type: str = "event") -> bytes:
    """One event: prelude, its checksum, headers, JSON payload, checksum of all."""
    kind = ":event-type" if message_type == "event" else ":exception-type"
    headers = b"".join(
        _header(name, value)
        for name, value in ((kind, event), (":content-type", "application/json"), (":message-type", message_type))
    )
    raw = json.dumps(payload).encode()
    prelude = struct.pack("!II", len(headers) + len(raw) + 16, len(headers))
    message = prelude + struct.pack("!I", crc32(prelude)) + headers + raw
    return message + struct.pack("!I", crc32(message))


def _header(name: str, value: str) -> bytes:
    return struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", STRING_HEADER, len(value)) + value.encode()


class BedrockWire:
    """Converse and ConverseStream."""

    content_type = "application/vnd.amazon.eventstream"
    ping = b""
    malformed = b"\x00\x00\x00\x40\x00\x00\x00\x10\xde\xad\xbe\xef" + b"x" * 52

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"message": message}

    def whole(self, reply: Reply) -> dict[str, Any]:
        blocks: list[dict[str, Any]] = [{"text": reply.text}] if reply.text else []
        for call in reply.calls:
            use = {"toolUseId": call.call_id, "name": call.name, "input": json.loads(call.arguments)}
            blocks.append({"toolUse": use})
        answer = {"output": {"message": {"role": "assistant", "content": blocks}}, "stopReason": self._finish(reply)}
        return {**answer, "usage": self._usage(reply), "metrics": {"latencyMs": 1}}

    def events(self, reply: Reply, body: dict[str, Any]) -> list[bytes]:
        events = [frame("messageStart", {"role": "assistant"})]
        if reply.empty:
            return events
        index = 0
        if reply.pieces:
            deltas = [{"contentBlockIndex": 0, "delta": {"text": piece}} for piece in reply.pieces]
            events += [frame("contentBlockDelta", delta) for delta in deltas]
            events.append(frame("contentBlockStop", {"contentBlockIndex": 0}))
            index = 1
        for call in reply.calls:
            start = {"toolUse": {"toolUseId": call.call_id, "name": call.name}}
            events.append(frame("contentBlockStart", {"contentBlockIndex": index, "start": start}))
            moved = {"toolUse": {"input": call.arguments}}
            events.append(frame("contentBlockDelta", {"contentBlockIndex": index, "delta": moved}))
            events.append(frame("contentBlockStop", {"contentBlockIndex": index}))
            index += 1
        events.append(frame("messageStop", {"stopReason": self._finish(reply)}))
        if reply.with_usage:
            events.append(frame("metadata", {"usage": self._usage(reply), "metrics": {"latencyMs": 1}}))
        return events

    def _finish(self, reply: Reply) -> str:
        return BEDROCK_FINISHES.get(reply.finish, reply.finish)

    def _usage(self, reply: Reply) -> dict[str, Any]:
        turn = reply.turn
        return {
            "inputTokens": turn.input_tokens - turn.cache_read_tokens - turn.cache_write_tokens,
            "outputTokens": turn.output_tokens,
            "totalTokens": turn.input_tokens + turn.output_tokens,
            "cacheReadInputTokens": turn.cache_read_tokens,
            "cacheWriteInputTokens": turn.cache_write_tokens,
        }
