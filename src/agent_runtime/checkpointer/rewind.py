"""Takes a task back to one of its checkpoints, so that its checkpoints stay one chain. Loads no library of agents."""

from dataclasses import dataclass

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from agent_runtime.checkpointer.stored_form import read_state
from agent_runtime.domain.errors import Conflict, NotFound, StateCorrupt
from agent_runtime.store import redrive as store
from agent_runtime.store.redrive import Removed

Connection = AsyncConnection[DictRow]


@dataclass(frozen=True)
class Rewound:
    """Where the task stands now (None: before its first checkpoint), and what was removed."""

    checkpoint_id: str | None
    removed: Removed


async def rewind_to(connection: Connection, tenant_id: str, task_id: str, checkpoint_id: str) -> Rewound:
    """Remove what came after a checkpoint. Raises NotFound, and Conflict when it cannot be read."""
    row = await store.chosen(connection, tenant_id, task_id, checkpoint_id)
    if row is None:
        raise NotFound("checkpoint", checkpoint_id)
    try:
        stored = read_state(checkpoint_id, row["state"], row["checksum"])
    except StateCorrupt as error:
        raise Conflict(f"nothing can start at this checkpoint: {error}", code="state_corrupt") from error
    removed = await store.remove_later(connection, tenant_id, task_id, checkpoint_id, stored.newest_version)
    return Rewound(checkpoint_id, removed)


async def roll_back(connection: Connection, tenant_id: str, task_id: str) -> Rewound:
    """Remove the last checkpoint. Raises Conflict when there is none to remove."""
    last = await store.newest(connection, tenant_id, task_id)
    if last is None:
        raise Conflict("the task has no checkpoint to roll back: redrive it without rollback_last_checkpoint")
    if last["is_origin"]:
        raise Conflict("the only checkpoint of this fork is the one that it starts from, which cannot be rolled back")
    if last["parent_checkpoint_id"] is not None:
        return await rewind_to(connection, tenant_id, task_id, str(last["parent_checkpoint_id"]))
    return Rewound(None, await store.remove_later(connection, tenant_id, task_id, None, 0))
