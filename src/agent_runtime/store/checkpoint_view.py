"""Checkpoints as clients read them; the graph's state itself belongs to the checkpointer."""

from collections.abc import AsyncIterator, Sequence

from agent_runtime.store.database import Database, Row

_AT_ONCE = 50


async def list_checkpoints(
    database: Database, tenant_id: str, task_id: str, after: str | None, limit: int
) -> list[Row]:
    """A page of checkpoints after an id."""
    parameters = {"task_id": task_id, "after": after, "limit": limit}
    return await database.tenant_rows(tenant_id, "checkpoint_view", "list_checkpoints", parameters)


async def get_checkpoint(database: Database, tenant_id: str, task_id: str, checkpoint_id: str) -> Row | None:
    """One checkpoint with its `state` and `parent_state` as stored; None when the task has none of that id."""
    parameters = {"task_id": task_id, "checkpoint_id": checkpoint_id}
    return await database.tenant_row(tenant_id, "checkpoint_view", "get_checkpoint", parameters)


async def messages(
    database: Database, tenant_id: str, task_id: str, sequences: Sequence[int]
) -> AsyncIterator[tuple[int, bytes]]:
    """Stored messages in the order asked for, a few at a time, so that a page of long ones stays small in memory."""
    for start in range(0, len(sequences), _AT_ONCE):
        wanted = list(sequences[start : start + _AT_ONCE])
        parameters = {"task_id": task_id, "sequences": wanted}
        rows = await database.tenant_rows(tenant_id, "checkpoint_view", "messages", parameters)
        bodies = {row["sequence"]: row["body"] for row in rows}
        for sequence in wanted:
            if sequence in bodies:
                yield sequence, bytes(bodies[sequence])


async def channels(
    database: Database, tenant_id: str, task_id: str, wanted: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], bytes]:
    """Bodies of channel values by (channel, version)."""
    if not wanted:
        return {}
    parameters = {
        "task_id": task_id,
        "channels": [channel for channel, _ in wanted],
        "versions": [version for _, version in wanted],
    }
    rows = await database.tenant_rows(tenant_id, "checkpoint_view", "channels", parameters)
    return {(row["channel"], row["version"]): bytes(row["body"]) for row in rows}
