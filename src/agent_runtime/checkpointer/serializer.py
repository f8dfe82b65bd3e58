"""The strict serializer: plain JSON types, messages and a handful of LangGraph's own types, and nothing else.

No class name is ever read from the data and no constructor is replayed: each tag below maps to one known type. What is
not on the list is refused when it is stored, so that a task fails at the step that made it and not at its resume.
"""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.types import Command, Interrupt, Overwrite, Send

from agent_runtime.checkpointer.stored_form import TAG, from_bytes, to_bytes
from agent_runtime.domain.errors import AgentRuntimeError, StateCorrupt

Encode = Callable[[Any], Any]

_FIELDS: dict[str, tuple[str, ...]] = {
    "human": ("content", "id", "name", "additional_kwargs", "response_metadata"),
    "system": ("content", "id", "name", "additional_kwargs", "response_metadata"),
    "ai": (
        "content",
        "id",
        "name",
        "additional_kwargs",
        "response_metadata",
        "tool_calls",
        "invalid_tool_calls",
        "usage_metadata",
    ),
    "tool": ("content", "id", "name", "additional_kwargs", "response_metadata", "tool_call_id", "status", "artifact"),
    "remove": ("id",),
}
_CLASSES: dict[str, type[BaseMessage]] = {
    "human": HumanMessage,
    "system": SystemMessage,
    "ai": AIMessage,
    "tool": ToolMessage,
    "remove": RemoveMessage,
}


# Fields that are empty unless something was set; any other empty value means something.
_EMPTY_BY_DEFAULT = frozenset({"additional_kwargs", "response_metadata", "tool_calls", "invalid_tool_calls"})


class NotStorable(AgentRuntimeError):
    """A value's type is not on the serializer's list; the message names the type."""


class StoredError(Exception):
    """An error that a node raised, as far as it is kept: its type's name and its text."""


class Serializer:
    """Encodes and decodes values. `on_message` and `on_dict` may put a reference in place of a value known elsewhere;
    `resolve` gives back what a reference stands for."""

    def __init__(
        self,
        *,
        on_message: Encode | None = None,
        on_dict: Callable[[dict[str, Any]], Any] | None = None,
        resolve: Callable[[Any], Any] | None = None,
    ) -> None:
        self._on_message = on_message
        self._on_dict = on_dict
        self._resolve = resolve

    def dumps(self, value: Any) -> bytes:
        """JSON bytes of a value. Raises NotStorable."""
        return to_bytes(self.encode(value))

    def loads(self, data: bytes) -> Any:
        """The value again. Raises StateCorrupt on anything unknown."""
        return self.decode(from_bytes(data))

    def encode(self, value: Any) -> Any:
        """A value as JSON types."""
        kind = type(value)
        if value is None or kind in (bool, int, float, str):
            return value
        if kind is list:
            return [self.encode(item) for item in value]
        if kind is dict:
            return self._encode_dict(value)
        if isinstance(value, BaseMessage):
            if self._on_message is not None:
                return self._on_message(value)
            return {TAG: "message", "v": encode_message(value, self)}
        return self._encode_tagged(value)

    def _encode_dict(self, value: dict[Any, Any]) -> Any:
        if self._on_dict is not None and (reference := self._on_dict(value)) is not None:
            return reference
        if all(type(key) is str for key in value) and TAG not in value:
            return {key: self.encode(item) for key, item in value.items()}
        return {TAG: "dict", "v": [[self.encode(key), self.encode(item)] for key, item in value.items()]}

    def _encode_tagged(self, value: Any) -> Any:
        for kind, tag, content in _ENCODERS:
            if isinstance(value, kind):
                return {TAG: tag, **content(self, value)}
        return self._encode_subclass(value)

    def _encode_subclass(self, value: Any) -> Any:
        """A subclass of a plain type, such as a string of an enumeration, is stored as the plain one."""
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int | float):
            return int(value) if isinstance(value, int) else float(value)
        if isinstance(value, dict):
            return self._encode_dict(dict(value))
        if isinstance(value, list):
            return [self.encode(item) for item in value]
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        raise NotStorable(f"a value of type {name} cannot be stored in a checkpoint: use plain JSON types or messages")

    def decode(self, value: Any) -> Any:
        """The value that JSON types stand for."""
        if type(value) is list:
            return [self.decode(item) for item in value]
        if type(value) is not dict:
            return value
        tag = value.get(TAG)
        if tag is None:
            return {key: self.decode(item) for key, item in value.items()}
        if tag in ("ref", "call"):
            if self._resolve is None:
                raise StateCorrupt("stored state holds a reference where none may be")
            return self._resolve(value)
        decoder = _DECODERS.get(tag) if isinstance(tag, str) else None
        if decoder is None:
            raise StateCorrupt(f"stored state holds the unknown tag {tag!r}")
        try:
            return decoder(self, value)
        except (KeyError, TypeError, ValueError) as error:
            raise StateCorrupt(f"stored state holds a malformed {tag}: {error}") from error


def _items(serializer: Serializer, value: Any) -> dict[str, Any]:
    return {"v": [serializer.encode(item) for item in value]}


# In order: a delta snapshot is a tuple, too.
_ENCODERS: tuple[tuple[Any, str, Callable[[Serializer, Any], dict[str, Any]]], ...] = (
    (_DeltaSnapshot, "snapshot", lambda s, v: {"v": s.encode(v.value)}),
    (tuple, "tuple", _items),
    (set, "set", _items),
    (frozenset, "frozenset", _items),
    ((bytes, bytearray), "bytes", lambda _, v: {"v": base64.b64encode(v).decode("ascii")}),
    (datetime, "datetime", lambda _, v: {"v": v.isoformat()}),
    (UUID, "uuid", lambda _, v: {"v": str(v)}),
    (Send, "send", lambda s, v: {"node": v.node, "v": s.encode(v.arg)}),
    (Interrupt, "interrupt", lambda s, v: {"id": v.id, "v": s.encode(v.value)}),
    (Overwrite, "overwrite", lambda s, v: {"v": s.encode(v.value)}),
    (Command, "command", lambda s, v: {"v": s.encode(_command_fields(v))}),
    (BaseException, "error", lambda _, v: {"type": type(v).__name__, "v": str(v)}),
)

_DECODERS: dict[str, Callable[[Serializer, dict[str, Any]], Any]] = {
    "message": lambda s, v: decode_message(v["v"], s),
    "dict": lambda s, v: {s.decode(key): s.decode(item) for key, item in v["v"]},
    "tuple": lambda s, v: tuple(s.decode(item) for item in v["v"]),
    "set": lambda s, v: {s.decode(item) for item in v["v"]},
    "frozenset": lambda s, v: frozenset(s.decode(item) for item in v["v"]),
    "bytes": lambda s, v: base64.b64decode(v["v"], validate=True),
    "datetime": lambda s, v: datetime.fromisoformat(v["v"]),
    "uuid": lambda s, v: UUID(v["v"]),
    "send": lambda s, v: Send(v["node"], s.decode(v["v"])),
    "interrupt": lambda s, v: Interrupt(value=s.decode(v["v"]), id=v["id"]),
    "overwrite": lambda s, v: Overwrite(s.decode(v["v"])),
    "command": lambda s, v: Command(**s.decode(v["v"])),
    "snapshot": lambda s, v: _DeltaSnapshot(s.decode(v["v"])),
    "error": lambda s, v: StoredError(f"{v['type']}: {v['v']}"),
}


def _command_fields(value: Command[Any]) -> dict[str, Any]:
    return {"graph": value.graph, "update": value.update, "resume": value.resume, "goto": value.goto}


def encode_message(message: BaseMessage, serializer: Serializer | None = None) -> dict[str, Any]:
    """The fields of a message that are set, under its type's stable name. Raises NotStorable for other messages."""
    kind = "ai" if isinstance(message, AIMessage) else message.type
    fields = _FIELDS.get(kind)
    if fields is None:
        raise NotStorable(f"a message of type {message.type!r} cannot be stored")
    encode = (serializer or _PLAIN).encode
    body: dict[str, Any] = {"type": kind}
    for name in fields:
        value = getattr(message, name, None)
        if value is not None and not (name in _EMPTY_BY_DEFAULT and not value):
            body[name] = encode(value)
    return body


def decode_message(body: Any, serializer: Serializer | None = None) -> BaseMessage:
    """The message again. Raises StateCorrupt."""
    kind = body.get("type") if isinstance(body, dict) else None
    if not isinstance(kind, str) or kind not in _CLASSES:
        raise StateCorrupt(f"a stored message has the unknown type {kind!r}")
    decode = (serializer or _PLAIN).decode
    fields = {name: decode(body[name]) for name in _FIELDS[kind] if name in body}
    if kind != "remove":
        fields.setdefault("content", "")
    try:
        return _CLASSES[kind](**fields)
    except (TypeError, ValueError) as error:
        raise StateCorrupt(f"a stored message is malformed: {error}") from error


_PLAIN = Serializer()
