"""Checkpoints as clients read them; the graph's state itself belongs to the checkpointer."""

from agent_runtime.store.database import Database, Row


async def list_checkpoints(
    database: Database, tenant_id: str, task_id: str, after: str | None, limit: int
) -> list[Row]:
    """A page of checkpoints after an id."""
    parameters = {"task_id": task_id, "after": after, "limit": limit}
    return await database.tenant_rows(tenant_id, "checkpoint_view", "list_checkpoints", parameters)
