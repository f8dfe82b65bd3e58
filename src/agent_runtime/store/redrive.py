"""Takes a dead letter back to one of its checkpoints, in the transaction of its redrive."""

from dataclasses import dataclass

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from agent_runtime.store.database import Row, fetch_one

Connection = AsyncConnection[DictRow]


@dataclass(frozen=True)
class Removed:
    """How many checkpoints went, and how many steps among them."""

    checkpoints: int = 0
    steps: int = 0


async def newest(connection: Connection, tenant_id: str, task_id: str) -> Row | None:
    """`checkpoint_id, parent_checkpoint_id, is_origin` of the newest checkpoint."""
    return await fetch_one(connection, "redrive", "newest", {"tenant_id": tenant_id, "task_id": task_id})


async def chosen(connection: Connection, tenant_id: str, task_id: str, checkpoint_id: str) -> Row | None:
    """`checkpoint_id, state, checksum` of one checkpoint."""
    parameters = {"tenant_id": tenant_id, "task_id": task_id, "checkpoint_id": checkpoint_id}
    return await fetch_one(connection, "redrive", "chosen", parameters)


async def remove_later(
    connection: Connection, tenant_id: str, task_id: str, checkpoint_id: str | None, newest_version: int
) -> Removed:
    """Remove what came after a checkpoint, or everything; `newest_version` is that of the checkpoint's channels."""
    parameters = {"tenant_id": tenant_id, "task_id": task_id, "checkpoint_id": checkpoint_id}
    row = await fetch_one(connection, "redrive", "remove_later", parameters | {"newest_version": newest_version})
    return Removed(row["checkpoints"], row["steps"]) if row else Removed()
