"""The one sequence of a task: its lifecycle history, its timeline, and the news for those who watch."""

from collections.abc import Sequence

from agent_runtime.store.database import Database, Row


async def list_events(database: Database, tenant_id: str, task_id: str, after: int, limit: int) -> list[Row]:
    """A page of lifecycle events after a sequence."""
    parameters = {"task_id": task_id, "after": after, "limit": limit}
    return await database.tenant_rows(tenant_id, "event", "list_events", parameters)


async def list_activity(database: Database, tenant_id: str, task_id: str, after: int, limit: int) -> list[Row]:
    """A page of the timeline after a sequence; `body` is the stored message of a turn."""
    parameters = {"task_id": task_id, "after": after, "limit": limit}
    return await database.tenant_rows(tenant_id, "event", "list_activity", parameters)


async def news(database: Database, tenant_id: str, watched: Sequence[tuple[str, int]], limit: int) -> list[Row]:
    """Up to `limit` new entries for each `(task_id, seen)`, by `place` from 1; a task without news has one empty row.

    A task that does not exist has no row at all.
    """
    parameters = {
        "task_ids": [task_id for task_id, _ in watched],
        "seen": [seen for _, seen in watched],
        "limit": limit,
    }
    return await database.tenant_rows(tenant_id, "event", "news", parameters)


async def listen(database: Database, tenant_id: str, listener_id: str, task_ids: Sequence[str], seconds: float) -> None:
    """Ask workers for the live tokens of these tasks."""
    parameters = {"listener_id": listener_id, "task_ids": list(task_ids), "seconds": seconds}
    await database.tenant_rows(tenant_id, "event", "listen", parameters)


async def stop_listening(database: Database, tenant_id: str, listener_id: str, task_ids: Sequence[str]) -> None:
    """Ask no more for the tokens of these tasks."""
    parameters = {"listener_id": listener_id, "task_ids": list(task_ids)}
    await database.tenant_rows(tenant_id, "event", "stop_listening", parameters)


async def newest_chunk(database: Database, tenant_id: str) -> int:
    """The place of the newest live tokens."""
    row = await database.tenant_row(tenant_id, "event", "newest_chunk")
    return int(row["chunk_id"]) if row else 0


async def tokens(database: Database, tenant_id: str, task_ids: Sequence[str], after: int) -> list[Row]:
    """Live tokens of these tasks after a place."""
    return await database.tenant_rows(tenant_id, "event", "tokens", {"task_ids": list(task_ids), "after": after})
