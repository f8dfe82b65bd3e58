"""What stored state is made of, read without any library of agents: JSON, checksums, and references to messages.

The API and maintenance look at checkpoints through this module; only workers build LangGraph's objects from them.
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent_runtime.domain.errors import StateCorrupt

# Marks a dict that stands for something else than itself.
TAG = "$"
# Far over what a task can hold: a tampered range must not fill the memory.
_MOST_MESSAGES = 1_000_000


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A decoded `state`, with its references still unresolved."""

    checkpoint_id: str
    fields: dict[str, Any]
    channels: dict[str, Any]
    metadata: dict[str, Any]

    @property
    def message_sequences(self) -> set[int]:
        """Sequences of all messages that the channels refer to directly."""
        return {n for kind, *rest in self.channels.values() if kind == "m" for n in expand(rest[0])}

    @property
    def channel_versions(self) -> dict[str, str]:
        """Version by channel, of those that are rows of their own."""
        return {name: entry[1] for name, entry in self.channels.items() if entry[0] == "c"}

    @property
    def newest_version(self) -> int:
        """The highest version of any channel; every later one is higher."""
        versions = self.fields.get("cv", {}).values()
        return max((version for version in versions if isinstance(version, int)), default=0)


def read_state(checkpoint_id: str, state: bytes, expected_checksum: int) -> StoredCheckpoint:
    """Decode `state` without resolving references. Raises StateCorrupt when its checksum or shape is wrong."""
    data = bytes(state)
    if checksum(data) != expected_checksum:
        raise StateCorrupt(
            f"checkpoint {checkpoint_id} fails its checksum: its bytes were changed after it was written"
        )
    parsed = from_bytes(data)
    if not isinstance(parsed, dict) or not {"f", "c", "m"} <= parsed.keys():
        raise StateCorrupt(f"checkpoint {checkpoint_id} has an unknown shape")
    return StoredCheckpoint(checkpoint_id, parsed["f"], parsed["c"], parsed["m"])


def references_in(value: Any) -> set[int]:
    """Sequences of all messages that encoded data refers to."""
    if type(value) is list:
        return set().union(*(references_in(item) for item in value)) if value else set()
    if type(value) is not dict:
        return set()
    if value.get(TAG) in ("ref", "call"):
        return {value["message"]} if isinstance(value.get("message"), int) else set()
    return set().union(*(references_in(item) for item in value.values())) if value else set()


def used_messages(stored: StoredCheckpoint, bodies: Iterable[bytes], writes: Iterable[Any]) -> set[int]:
    """Sequences of all messages that a checkpoint, its channels and its writes refer to."""
    needed = set(stored.message_sequences)
    needed |= references_in([entry[1] for entry in stored.channels.values() if entry[0] == "i"])
    for body in bodies:
        needed |= references_in(from_bytes(body))
    for content in writes:
        needed |= references_in(content)
    return needed


def verified(row: Mapping[str, Any], what: str) -> bytes:
    """The body of a row whose checksum holds. Raises StateCorrupt."""
    body = bytes(row["body"])
    if checksum(body) != row["checksum"]:
        raise StateCorrupt(f"{what} fails its checksum: its bytes were changed after it was written")
    return body


def ranges(sequences: Sequence[int]) -> list[list[int]]:
    """`[start, length]` pairs: a history that only grew is one pair however long it is."""
    found: list[list[int]] = []
    for sequence in sequences:
        if found and found[-1][0] + found[-1][1] == sequence:
            found[-1][1] += 1
        else:
            found.append([sequence, 1])
    return found


def expand(pairs: Sequence[Sequence[int]]) -> list[int]:
    """The sequences that `ranges` stands for. Raises ValueError for more of them than any history has."""
    if sum(length for _, length in pairs) > _MOST_MESSAGES:
        raise ValueError(f"a history of more than {_MOST_MESSAGES} messages")
    return [sequence for start, length in pairs for sequence in range(start, start + length)]


def to_bytes(value: Any) -> bytes:
    """JSON types as bytes. Lone surrogates survive: a model may send them and PostgreSQL's text would refuse them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def from_bytes(data: bytes) -> Any:
    """JSON types again. Raises StateCorrupt."""
    try:
        return json.loads(bytes(data).decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise StateCorrupt(f"stored state is no JSON: {error}") from error


def checksum(data: bytes) -> int:
    """CRC-32 as a signed integer, so that it fits PostgreSQL's integer."""
    value = zlib.crc32(data)
    return value - (1 << 32) if value >= 1 << 31 else value
