"""Removes checkpoints that are no longer wanted, and with them the messages and channel versions only they held."""

from collections.abc import Mapping
from typing import Any

from agent_runtime.checkpointer.stored_form import StoredCheckpoint, from_bytes, read_state, used_messages, verified
from agent_runtime.store import checkpoint as store
from agent_runtime.store.checkpoint import Thread
from agent_runtime.store.database import Database, Row

_ALL = 1_000_000


async def keep_latest(database: Database, thread: Thread) -> None:
    """Keep the newest checkpoint of a namespace and what its delta channels are rebuilt from; remove the others."""
    rows = await _rows(database, thread)
    if rows:
        await _remove(database, thread, rows, kept=_with_delta_ancestors(rows))


async def sweep(database: Database, thread: Thread) -> None:
    """Remove messages and channel versions that no checkpoint holds any more."""
    rows = await _rows(database, thread)
    await _remove(database, thread, rows, kept={str(row["checkpoint_id"]) for row in rows})


async def _rows(database: Database, thread: Thread) -> list[Row]:
    filters = {"task_id": thread.task_id, "namespace": thread.namespace, "checkpoint_id": None, "before": None}
    return await store.page(database, thread.tenant_id, filters, _ALL)


def _with_delta_ancestors(rows: list[Row]) -> set[str]:
    by_id = {str(row["checkpoint_id"]): row for row in rows}
    current = str(rows[0]["checkpoint_id"])
    newest = _stored(by_id[current])
    wanted = _delta_channels(newest.metadata) - newest.channels.keys()
    kept = {current}
    parent = by_id[current]["parent_checkpoint_id"]
    while wanted and parent is not None and str(parent) in by_id:
        row = by_id[str(parent)]
        kept.add(str(parent))
        wanted -= _stored(row).channels.keys()
        parent = row["parent_checkpoint_id"]
    return kept


def _delta_channels(metadata: Mapping[str, Any]) -> set[str]:
    return set(metadata.get("counters_since_delta_snapshot") or {})


async def _remove(database: Database, thread: Thread, rows: list[Row], *, kept: set[str]) -> None:
    used: set[int] = set()
    versions: set[tuple[str, str]] = set()
    writes: dict[str, list[Any]] = {}
    for row in await store.all_writes(database, thread):
        writes.setdefault(str(row["checkpoint_id"]), []).append(from_bytes(row["body"]))
    for row in rows:
        if str(row["checkpoint_id"]) in kept:
            stored = _stored(row)
            bodies = await store.channels(database, thread, stored.channel_versions)
            used |= used_messages(
                stored, [verified(body, "a channel") for body in bodies], writes.get(stored.checkpoint_id, [])
            )
            versions |= set(stored.channel_versions.items())
    gone = [str(row["checkpoint_id"]) for row in rows if str(row["checkpoint_id"]) not in kept]
    await store.keep_only(database, thread, gone, sorted(used), sorted(versions))


def _stored(row: Row) -> StoredCheckpoint:
    return read_state(str(row["checkpoint_id"]), row["state"], row["checksum"])
