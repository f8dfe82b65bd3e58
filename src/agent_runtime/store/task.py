"""Tasks as clients see them: submission, single reads, pages of lists, batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from agent_runtime.domain.errors import NotFound
from agent_runtime.domain.identifier import HIGHEST_ID, LOWEST_ID, highest_id_of, lowest_id_of
from agent_runtime.domain.task_lifecycle import Status
from agent_runtime.store.database import Database, Row, fetch_one

# An id is made by the API's clock and `created_at` by the database's; so far apart they may be.
_CLOCKS_APART = timedelta(minutes=1)


@dataclass(frozen=True)
class TaskFilter:
    """Which tasks a list holds; None does not narrow. `search` matches ids and names exactly or by their beginning."""

    statuses: Sequence[str] | None = None
    agent_ids: Sequence[str] | None = None
    pause_reason: str | None = None
    dead_letter_reason: str | None = None
    batch_id: str | None = None
    label: str | None = None
    label_value: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    first_id: str = field(default=LOWEST_ID)
    last_id: str = field(default=HIGHEST_ID)

    @property
    def access_path(self) -> str:
        """The query whose index narrows best."""
        if self.batch_id is not None:
            return "page_by_batch"
        if self.label is not None:
            return "page_by_label"
        # Of an agent and a reason either may be the rare one: the planner knows, where both are plain conditions.
        if self.agent_ids is not None and self.dead_letter_reason is None:
            return "page_by_agent"
        return "page_newest" if self.statuses is None else "page_by_status"


async def get_task(database: Database, tenant_id: str, task_id: str) -> Row:
    """One task. Raises NotFound."""
    row = await database.tenant_row(tenant_id, "task", "get_task", {"task_id": task_id})
    if row is None:
        raise NotFound("task", task_id)
    return row


async def read_task(connection: AsyncConnection[DictRow], tenant_id: str, task_id: str) -> Row:
    """One task within a transaction. Raises NotFound."""
    row = await fetch_one(connection, "task", "get_task", {"tenant_id": tenant_id, "task_id": task_id})
    if row is None:
        raise NotFound("task", task_id)
    return row


async def agents_named(database: Database, tenant_id: str, search: str) -> list[str]:
    """Ids of the agents whose id or name begins with the text."""
    rows = await database.tenant_rows(tenant_id, "task", "agents_named", {"q": search})
    return [row["agent_id"] for row in rows]


async def page_of_ids(
    database: Database, tenant_id: str, chosen: TaskFilter, before: str | None, limit: int
) -> list[str]:
    """Ids of a page, newest first."""
    parameters: dict[str, Any] = {**chosen.__dict__, **_id_range(chosen), "before": before, "limit": limit}
    for name in ("statuses", "agent_ids"):
        parameters[name] = None if parameters[name] is None else list(dict.fromkeys(parameters[name]))
    if chosen.access_path == "page_by_agent" and chosen.statuses is None:
        parameters["statuses"] = [status.value for status in Status]
    # Of several states each is asked for by itself and the pages are merged, so that a rare one is found by its index.
    by_status = chosen.access_path in ("page_by_status", "page_by_label")
    apart: Sequence[str | None] = chosen.statuses if by_status and chosen.statuses is not None else (None,)
    found: set[str] = set()
    for status in apart:
        asked = parameters | {"status": status}
        rows = await database.tenant_rows(tenant_id, "task", chosen.access_path, asked, prepare=False)
        found.update(str(row["task_id"]) for row in rows)
    return sorted(found, reverse=True)[:limit]


def _id_range(chosen: TaskFilter) -> dict[str, str]:
    """Where the ids of the wanted times can lie, so that a page of long ago is found by its key."""
    first, last = chosen.first_id, chosen.last_id
    if chosen.created_after is not None:
        first = max(first, lowest_id_of(chosen.created_after - _CLOCKS_APART))
    if chosen.created_before is not None:
        last = min(last, highest_id_of(chosen.created_before + _CLOCKS_APART))
    return {"first_id": first, "last_id": last}


async def list_rows(database: Database, tenant_id: str, task_ids: Sequence[str]) -> list[Row]:
    """The rows of a page, in its order."""
    return await database.tenant_rows(tenant_id, "task", "list_rows", {"task_ids": list(task_ids)}) if task_ids else []


async def batch(database: Database, tenant_id: str, batch_id: str) -> Mapping[str, Any]:
    """Counts by status and cost of one batch. Raises NotFound."""
    rows = await database.tenant_rows(tenant_id, "task", "batch", {"batch_id": batch_id})
    if not rows:
        raise NotFound("batch", batch_id)
    return {
        "batch_id": batch_id,
        "total": sum(row["tasks"] for row in rows),
        "counts": {row["status"]: row["tasks"] for row in rows},
        "total_cost_microdollars": sum(row["cost_microdollars"] for row in rows),
        "created_at": min(row["created_at"] for row in rows),
    }


async def notify(database: Database, channel: str, payload: str) -> None:
    """Send a hint on a channel."""
    await database.fetch_all("task", "notify", {"channel": channel, "payload": payload})


async def task_exists(database: Database, tenant_id: str, task_id: str) -> bool:
    """Whether the tenant has this task."""
    return await database.tenant_row(tenant_id, "task", "task_exists", {"task_id": task_id}) is not None
