"""Reads checkpoints back: rows to LangGraph's tuples, with every reference resolved and every checksum checked."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple

from agent_runtime.checkpointer.checkpoint_codec import build_checkpoint, resolver
from agent_runtime.checkpointer.serializer import Serializer, decode_message
from agent_runtime.checkpointer.stored_form import StoredCheckpoint, from_bytes, read_state, used_messages, verified
from agent_runtime.domain.errors import StateCorrupt
from agent_runtime.store import checkpoint as store
from agent_runtime.store.checkpoint import Thread
from agent_runtime.store.database import Database, Row

_MALFORMED = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError, psycopg.DataError)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A tuple and the messages it was built from, by sequence."""

    tuple: CheckpointTuple
    messages: dict[int, BaseMessage]


async def load(database: Database, thread: Thread, thread_id: str, row: Row) -> Loaded:
    """Build the tuple of one checkpoint row. Raises StateCorrupt, whatever stands there instead of what was written."""
    try:
        return await _load(database, thread, thread_id, row)
    except _MALFORMED as error:
        raise StateCorrupt(f"checkpoint {row['checkpoint_id']} is malformed: {error!r}") from error


async def _load(database: Database, thread: Thread, thread_id: str, row: Row) -> Loaded:
    stored = read_state(str(row["checkpoint_id"]), row["state"], row["checksum"])
    writes = await store.writes(database, thread, stored.checkpoint_id)
    parsed = [(write["writer_id"], from_bytes(verified(write, "a pending write"))) for write in writes]
    bodies = await _channel_bodies(database, thread, stored)
    needed = used_messages(stored, bodies.values(), [content for _, content in parsed])
    messages = await read_messages(database, thread, sorted(needed))
    checkpoint, metadata = build_checkpoint(stored, messages, bodies)
    serializer = Serializer(resolve=resolver(messages))
    pending = [(writer, channel, serializer.decode(value)) for writer, content in parsed for channel, value in content]
    parent = row["parent_checkpoint_id"]
    result = CheckpointTuple(
        config=config_of(thread_id, thread.namespace, stored.checkpoint_id),
        checkpoint=checkpoint,  # type: ignore[arg-type]
        metadata=metadata,  # type: ignore[arg-type]
        parent_config=config_of(thread_id, thread.namespace, str(parent)) if parent else None,
        pending_writes=pending,
    )
    return Loaded(result, messages)


async def read_messages(database: Database, thread: Thread, sequences: Sequence[int]) -> dict[int, BaseMessage]:
    """Messages by sequence. Raises StateCorrupt."""
    rows = await store.messages(database, thread, sequences)
    return {row["sequence"]: decode_message(from_bytes(verified(row, "a message"))) for row in rows}


def config_of(thread_id: str, namespace: str, checkpoint_id: str) -> RunnableConfig:
    """What addresses a checkpoint in LangGraph."""
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}}


async def _channel_bodies(database: Database, thread: Thread, stored: StoredCheckpoint) -> dict[str, bytes]:
    rows = await store.channels(database, thread, stored.channel_versions)
    return {row["channel"]: verified(row, f"channel {row['channel']}") for row in rows}
