"""Which messages of one namespace are stored already, and under which sequence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from agent_runtime.checkpointer.serializer import Serializer, encode_message
from agent_runtime.checkpointer.stored_form import TAG, checksum, to_bytes
from agent_runtime.store.flush import MessageRow

# A message changed in place keeps its identity: the newest ones, where that happens, are compared by content.
_COMPARED_BY_CONTENT = 2


@dataclass(slots=True)
class _Known:
    message: BaseMessage
    sequence: int
    digest: int
    content: Any


class MessageLog:
    """Gives each new message the next sequence and remembers it by identity; `fresh` gathers what must be written."""

    def __init__(self, namespace: str, next_sequence: int = 0) -> None:
        self.next_sequence = next_sequence
        self.fresh: list[tuple[MessageRow, BaseMessage]] = []
        self._namespace = namespace
        self._by_identity: dict[int, _Known] = {}
        self._by_digest: dict[int, _Known] = {}
        self._calls: dict[int, tuple[int, int]] = {}
        self._serializer = Serializer()

    def remember(self, sequence: int, message: BaseMessage) -> None:
        """A message that was read from the store."""
        self._add(sequence, message, to_bytes(encode_message(message, self._serializer)))
        self.next_sequence = max(self.next_sequence, sequence + 1)

    def sequence_of(self, message: BaseMessage, *, compare: bool = True) -> int:
        """The sequence of a message; a new or changed one is given the next and added to `fresh`."""
        known = self._by_identity.get(id(message))
        if known is not None and known.message is message and known.content is message.content and not compare:
            return known.sequence
        body = to_bytes(encode_message(message, self._serializer))
        digest = checksum(body)
        if known is not None and known.message is message and known.digest == digest:
            return known.sequence
        alike = self._by_digest.get(digest)
        if alike is not None and alike.message == message:
            self._by_identity[id(message)] = _Known(message, alike.sequence, digest, message.content)
            return alike.sequence
        sequence = self.next_sequence
        self.next_sequence += 1
        self._add(sequence, message, body)
        self.fresh.append((MessageRow(self._namespace, sequence, digest, body), message))
        return sequence

    def sequences_of(self, messages: Sequence[BaseMessage]) -> list[int]:
        """Sequences of a whole list; only its newest messages are compared by content."""
        first_compared = len(messages) - _COMPARED_BY_CONTENT
        return [self.sequence_of(message, compare=place >= first_compared) for place, message in enumerate(messages)]

    def reference_to_call(self, value: dict[str, Any]) -> Any:
        """A tool call that is part of a stored message, by reference; None for any other dict."""
        place = self._calls.get(id(value))
        if place is None or "args" not in value:
            return None
        return {TAG: "call", "message": place[0], "index": place[1]}

    def _add(self, sequence: int, message: BaseMessage, body: bytes) -> None:
        known = _Known(message, sequence, checksum(body), message.content)
        self._by_identity[id(message)] = known
        self._by_digest[known.digest] = known
        if isinstance(message, AIMessage):
            for index, call in enumerate(message.tool_calls):
                self._calls[id(call)] = (sequence, index)
