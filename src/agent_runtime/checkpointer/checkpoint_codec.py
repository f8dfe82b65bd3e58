"""Turns a LangGraph checkpoint into rows that refer to messages and channel versions, and back."""

from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages import BaseMessage

from agent_runtime.checkpointer.message_log import MessageLog
from agent_runtime.checkpointer.serializer import Serializer
from agent_runtime.checkpointer.stored_form import TAG, StoredCheckpoint, checksum, expand, ranges, to_bytes
from agent_runtime.domain.errors import StateCorrupt
from agent_runtime.store.flush import ChannelRow, CheckpointRow

# A value up to this many bytes stands in the checkpoint itself; a larger one is a row of its own, once per version.
INLINE_BYTES = 512
# The name of each small field in the stored form: it is written at every step, so it is short.
_SMALL_FIELDS = {
    "v": "v",
    "ts": "t",
    "channel_versions": "cv",
    "versions_seen": "vs",
    "updated_channels": "uc",
    "pending_sends": "ps",
}


def encode_checkpoint(
    checkpoint: Mapping[str, Any],
    metadata: Mapping[str, Any],
    new_versions: Mapping[str, Any],
    log: MessageLog,
    namespace: str,
) -> tuple[bytes, list[ChannelRow]]:
    """The bytes of `state` and the rows of channels that are too large to stand in it. Raises NotStorable."""
    serializer = serializer_for(log)
    rows: list[ChannelRow] = []
    channels: dict[str, Any] = {}
    for name, value in checkpoint["channel_values"].items():
        if is_message_list(value):
            channels[name] = ["m", ranges(log.sequences_of(value))]
            continue
        encoded = serializer.encode(value)
        body = to_bytes(encoded)
        if len(body) <= INLINE_BYTES:
            channels[name] = ["i", encoded]
            continue
        version = str(checkpoint["channel_versions"].get(name))
        channels[name] = ["c", version]
        if name in new_versions:
            rows.append(ChannelRow(namespace, name, version, checksum(body), body))
    fields = {short: serializer.encode(checkpoint[key]) for key, short in _SMALL_FIELDS.items() if checkpoint.get(key)}
    state = {"f": fields, "c": channels, "m": serializer.encode(dict(metadata))}
    return to_bytes(state), rows


def checkpoint_row(
    namespace: str, checkpoint: Mapping[str, Any], parent_id: str | None, state: bytes, **facts: Any
) -> CheckpointRow:
    """The row of a checkpoint; `facts` are its step_number, node_name, run_id and duration_ms."""
    return CheckpointRow(
        namespace=namespace,
        checkpoint_id=checkpoint["id"],
        parent_id=parent_id,
        state=state,
        checksum=checksum(state),
        **facts,
    )


def build_checkpoint(
    stored: StoredCheckpoint, messages: Mapping[int, BaseMessage], bodies: Mapping[str, bytes]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The checkpoint and its metadata as LangGraph knows them. Raises StateCorrupt when something is missing."""
    serializer = Serializer(resolve=resolver(messages))
    values: dict[str, Any] = {}
    for name, entry in stored.channels.items():
        if entry[0] == "m":
            values[name] = [_message(messages, sequence) for sequence in expand(entry[1])]
        elif entry[0] == "i":
            values[name] = serializer.decode(entry[1])
        elif name in bodies:
            values[name] = serializer.loads(bodies[name])
    fields = {
        key: serializer.decode(stored.fields[short]) for key, short in _SMALL_FIELDS.items() if short in stored.fields
    }
    checkpoint = {
        "v": fields.get("v", 1),
        "id": stored.checkpoint_id,
        "ts": fields.get("ts", ""),
        "channel_values": values,
        "channel_versions": fields.get("channel_versions", {}),
        "versions_seen": fields.get("versions_seen", {}),
        "pending_sends": fields.get("pending_sends", []),
        "updated_channels": fields.get("updated_channels"),
    }
    return checkpoint, serializer.decode(stored.metadata)


def serializer_for(log: MessageLog) -> Serializer:
    """A serializer that puts references in place of messages and of the tool calls in them."""
    return Serializer(
        on_message=lambda message: {TAG: "ref", "message": log.sequence_of(message)}, on_dict=log.reference_to_call
    )


def resolver(messages: Mapping[int, BaseMessage]) -> Callable[[Any], Any]:
    """What gives back the message or the tool call that a reference stands for."""

    def resolve(reference: Any) -> Any:
        message = _message(messages, reference.get("message"))
        if reference[TAG] == "ref":
            return message
        calls = getattr(message, "tool_calls", [])
        index = reference.get("index")
        if not isinstance(index, int) or not 0 <= index < len(calls):
            raise StateCorrupt(f"stored state refers to tool call {index} of a message that has {len(calls)}")
        return calls[index]

    return resolve


def is_message_list(value: Any) -> bool:
    """Whether a channel's value is a list of messages and nothing else."""
    return type(value) is list and bool(value) and all(isinstance(item, BaseMessage) for item in value)


def _message(messages: Mapping[int, BaseMessage], sequence: Any) -> BaseMessage:
    if sequence not in messages:
        raise StateCorrupt(f"stored state refers to message {sequence}, which is not there")
    return messages[sequence]
