"""Reads and removals of checkpoints. Writes go through `flush.py`."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent_runtime.store.database import Database, Row, fetch_one

_ROOM = "checkpoint"


@dataclass(frozen=True, slots=True)
class Thread:
    """One namespace of one thread."""

    tenant_id: str
    task_id: str
    namespace: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """As statement parameters."""
        return {"tenant_id": self.tenant_id, "task_id": self.task_id, "namespace": self.namespace}


async def find(database: Database, thread: Thread, checkpoint_id: str | None) -> Row | None:
    """A checkpoint's row by id, or the newest: `checkpoint_id, parent_checkpoint_id, state, checksum`."""
    if checkpoint_id is None:
        return await database.fetch_one(_ROOM, "latest", thread.parameters)
    return await database.fetch_one(_ROOM, "one", {**thread.parameters, "checkpoint_id": checkpoint_id})


async def page(database: Database, tenant_id: str, filters: dict[str, str | None], limit: int) -> list[Row]:
    """Checkpoint rows, newest first; `filters` are task_id, namespace, checkpoint_id and before, each may be None."""
    return await database.fetch_all(_ROOM, "page", {"tenant_id": tenant_id, "limit": limit, **filters})


async def writes(database: Database, thread: Thread, checkpoint_id: str) -> list[Row]:
    """`writer_id, write_index, body, checksum` in LangGraph's order."""
    return await database.fetch_all(_ROOM, "writes", {**thread.parameters, "checkpoint_id": checkpoint_id})


async def messages(database: Database, thread: Thread, sequences: Sequence[int]) -> list[Row]:
    """`sequence, body, checksum` of the messages asked for."""
    if not sequences:
        return []
    return await database.fetch_all(_ROOM, "messages", {**thread.parameters, "sequences": list(sequences)})


async def next_message(database: Database, thread: Thread) -> int:
    """The sequence of the next message of a namespace."""
    row = await database.fetch_one(_ROOM, "next_message", thread.parameters)
    return int(row["sequence"]) if row else 0


async def channels(database: Database, thread: Thread, versions: dict[str, str]) -> list[Row]:
    """`channel, body, checksum` of the channel versions asked for."""
    if not versions:
        return []
    asked = {"channels": list(versions), "versions": list(versions.values())}
    return await database.fetch_all(_ROOM, "channels", {**thread.parameters, **asked})


async def namespaces(database: Database, thread: Thread) -> list[str]:
    """The namespaces that a thread has checkpoints in."""
    return [row["namespace"] for row in await database.fetch_all(_ROOM, "namespaces", thread.parameters)]


async def all_writes(database: Database, thread: Thread) -> list[Row]:
    """`checkpoint_id, body` of all writes of a namespace."""
    return await database.fetch_all(_ROOM, "all_writes", thread.parameters)


async def delete_thread(database: Database, thread: Thread) -> None:
    """Remove everything of a thread."""
    await database.fetch_all(_ROOM, "delete_thread", thread.parameters)


async def delete_runs(database: Database, tenant_id: str, run_ids: Sequence[str]) -> list[str]:
    """Remove the checkpoints of some runs; gives the threads they were of."""
    rows = await database.fetch_all(_ROOM, "delete_runs", {"tenant_id": tenant_id, "run_ids": list(run_ids)})
    return [str(row["task_id"]) for row in rows]


async def copy_thread(database: Database, thread: Thread, target_id: str) -> None:
    """Copy everything of a thread to another id."""
    await database.fetch_all(_ROOM, "copy_thread", {**thread.parameters, "target_id": target_id})


async def keep_only(
    database: Database, thread: Thread, gone: Sequence[str], used: Sequence[int], versions: Sequence[tuple[str, str]]
) -> None:
    """Remove the checkpoints `gone` and then every message and channel version that is not among the used ones."""
    kept = {"channels": [name for name, _ in versions], "versions": [version for _, version in versions]}
    async with database.transaction() as connection:
        await fetch_one(connection, _ROOM, "delete_checkpoints", {**thread.parameters, "checkpoint_ids": list(gone)})
        await fetch_one(connection, _ROOM, "delete_unused_messages", {**thread.parameters, "used": list(used)})
        await fetch_one(connection, _ROOM, "delete_unused_channels", {**thread.parameters, **kept})
