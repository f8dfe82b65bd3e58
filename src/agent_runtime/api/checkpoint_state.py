"""What stands in a stored checkpoint, as plain JSON that people can read, without the libraries that wrote it.

A stored state refers to messages by ranges of their sequences and to large channel values by their versions
(`checkpointer/checkpoint_codec.py` writes it, `checkpointer/serializer.py` has the tags).
"""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent_runtime.api.task_view import cut, text_of_message

TEXT_BYTES = 8 * 1_024
_TAG = "$"
_ROLES = {"human": "user", "ai": "assistant", "tool": "tool", "system": "system", "remove": "removal"}
_MESSAGES = "messages"
_PLAN_CHANNELS = ("plan", "todos")
_FILES_CHANNEL = "files"
_MOST_MESSAGES = 1_000_000
# Channels by which LangGraph steers its nodes: nothing of them is the agent's state.
_INTERNAL = ("branch:", "__", "jump_to")

Bodies = Mapping[tuple[str, str], bytes]


class Unreadable(ValueError):
    """A stored state is not what was written; the message says why."""


@dataclass(frozen=True)
class StoredState:
    """The channels of a checkpoint as they are stored."""

    channels: dict[str, Any]

    @property
    def message_sequences(self) -> list[int]:
        """The history, in order."""
        kind, *rest = self.channels.get(_MESSAGES) or ["m", []]
        return list(_expanded(rest[0])) if kind == "m" else []

    @property
    def shown(self) -> dict[str, Any]:
        """Channels that are neither the history nor LangGraph's own."""
        names = (name for name in self.channels if name != _MESSAGES and not name.startswith(_INTERNAL))
        return {name: self.channels[name] for name in sorted(names)}

    @property
    def stored_apart(self) -> list[tuple[str, str]]:
        """(channel, version) of the shown values that are rows of their own."""
        return [(name, entry[1]) for name, entry in self.shown.items() if entry[0] == "c"]


NOTHING = StoredState({})


def read_state(state: bytes, checksum: int) -> StoredState:
    """Take a stored state apart. Raises Unreadable."""
    if zlib.crc32(bytes(state)) != checksum & 0xFFFFFFFF:
        raise Unreadable("its bytes were changed after it was written")
    found = _parsed(state)
    channels = found.get("c") if isinstance(found, dict) else None
    if not isinstance(channels, dict) or not all(isinstance(entry, list) and entry for entry in channels.values()):
        raise Unreadable("it has an unknown shape")
    return StoredState(channels)


def readable_state(stored: StoredState, bodies: Bodies, messages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The state for people: the given part of its history, its plan, its files, and what else the graph keeps."""
    values = {name: _value(name, entry, bodies) for name, entry in stored.shown.items()}
    plan = next((values.pop(name) for name in _PLAN_CHANNELS if name in values), None)
    return {
        "message_count": len(stored.message_sequences),
        "messages": list(messages),
        "plan": plan,
        "files": values.pop(_FILES_CHANNEL, None),
        "values": values,
    }


def changed_channels(stored: StoredState, parent: StoredState, bodies: Bodies) -> list[dict[str, Any]]:
    """Each channel, the history aside, that differs from the parent's, with both values."""
    before, after = parent.shown, stored.shown
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return [
        {
            "channel": name,
            "before": _value(name, before[name], bodies) if name in before else None,
            "after": _value(name, after[name], bodies) if name in after else None,
        }
        for name in changed
    ]


def readable_message(sequence: int, body: bytes) -> dict[str, Any]:
    """One message of the history, its text cut."""
    try:
        message = _parsed(body)
    except Unreadable:
        message = {}
    text, truncated = cut(text_of_message(message), TEXT_BYTES)
    return {
        "sequence": sequence,
        "role": _ROLES.get(message.get("type"), "unknown"),
        "text": text,
        "tool_calls": [_call(call) for call in _calls_of(message)],
        "tool_call_id": message.get("tool_call_id"),
        "tool_name": message.get("name") if message.get("type") == "tool" else None,
        "is_error": message.get("status") == "error" if message.get("type") == "tool" else None,
        "other_content": _other_content(message),
        "truncated_bytes": truncated,
    }


def _calls_of(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in ("tool_calls", "invalid_tool_calls"):
        yield from (call for call in message.get(name) or () if isinstance(call, dict))


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: call.get(name) for name in ("id", "name", "args")}
    if call.get("error"):
        shown["error"] = call["error"]
    return {name: cut_value(value) for name, value in shown.items()}


def _other_content(message: Mapping[str, Any]) -> list[str]:
    """Types of the parts of a message that are no text, such as reasoning or images."""
    content = message.get("content")
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    return sorted({str(block.get("type")) for block in blocks if block.get("type") not in ("text", "tool_use")})


def _value(name: str, entry: Sequence[Any], bodies: Bodies) -> Any:
    kind = entry[0]
    if kind == "m":
        return {"messages": list(_expanded(entry[1]))}
    if kind == "i":
        return cut_value(_readable(entry[1]))
    body = bodies.get((name, str(entry[1])))
    return None if body is None else cut_value(_readable(_parsed(body)))


def _readable(value: Any) -> Any:
    """A stored value without the tags of its types."""
    if isinstance(value, list):
        return [_readable(item) for item in value]
    if not isinstance(value, dict):
        return value
    tag = value.get(_TAG)
    if tag is None:
        return {name: _readable(item) for name, item in value.items()}
    if tag == "dict":
        return {str(_readable(pair[0])): _readable(pair[1]) for pair in value.get("v") or ()}
    if tag in ("ref", "call"):
        return {name: item for name, item in value.items() if name != _TAG}
    return _readable(value.get("v"))


def cut_value(value: Any) -> Any:
    """A value whose long texts are cut, each with the number of bytes left out at its end."""
    if isinstance(value, str):
        kept, truncated = cut(value, TEXT_BYTES)
        return f"{kept} [… {truncated} bytes left out]" if truncated else kept
    if isinstance(value, dict):
        return {name: cut_value(item) for name, item in value.items()}
    return [cut_value(item) for item in value] if isinstance(value, list) else value


def _expanded(ranges: Sequence[Sequence[int]]) -> Iterator[int]:
    if sum(length for _, length in ranges) > _MOST_MESSAGES:
        raise Unreadable("it refers to more messages than any history has")
    for start, length in ranges:
        yield from range(start, start + length)


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(bytes(data).decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        raise Unreadable("it is no JSON") from None
