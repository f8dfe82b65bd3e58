"""The registry of worker processes, and how much waits for them."""

from typing import Any

from agent_runtime.domain.errors import Conflict, NotFound
from agent_runtime.store.database import Database, Row


async def list_workers(database: Database, before: tuple[Any, ...] | None, limit: int) -> list[Row]:
    """A page of workers, the youngest first."""
    before_time, before_id = before or (None, None)
    parameters = {"before_time": before_time, "before_id": before_id, "limit": limit}
    return await database.fetch_all("worker", "list_workers", parameters)


async def request_drain(database: Database, worker_id: str) -> Row:
    """Ask a worker to drain. Raises NotFound, or Conflict when it is offline."""
    found = await database.fetch_one("worker", "get_worker", {"worker_id": worker_id})
    if found is None:
        raise NotFound("worker", worker_id)
    if found["status"] == "offline":
        raise Conflict(f"worker {worker_id} is offline")
    await database.fetch_all("worker", "request_drain", {"worker_id": worker_id})
    return await database.fetch_one("worker", "get_worker", {"worker_id": worker_id}) or found


async def health(database: Database) -> Row:
    """`active_workers`: how many are alive; `schema_version`: the newest migration that was applied."""
    return await database.fetch_one("worker", "health") or {"active_workers": 0, "schema_version": None}


async def queued_tasks(database: Database, tenant_id: str) -> int:
    """How many tasks wait for a worker."""
    row = await database.tenant_row(tenant_id, "worker", "queued_tasks")
    return int(row["queued_tasks"]) if row else 0
