"""Dead letters: listed, grouped by cause, and sent round again by the hundred."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from agent_runtime.domain.people_moves import redrive
from agent_runtime.store.database import Database, Row, fetch_all
from agent_runtime.store.task_lifecycle import transition


@dataclass(frozen=True)
class DeadLetterFilter:
    """Which dead letters; None does not narrow."""

    agent_id: str | None = None
    reason: str | None = None
    fingerprint: str | None = None


async def page(
    database: Database, tenant_id: str, chosen: DeadLetterFilter, before: tuple[Any, ...] | None, limit: int
) -> list[Row]:
    """Keys of a page: `task_id` and `dead_lettered_at`, newest first."""
    before_time, before_id = before or (None, None)
    parameters = {**chosen.__dict__, "before_time": before_time, "before_id": before_id, "limit": limit}
    return await database.tenant_rows(tenant_id, "dead_letter", "page", parameters, prepare=False)


async def groups(
    database: Database, tenant_id: str, agent_id: str | None, before: tuple[Any, ...] | None, limit: int
) -> list[Row]:
    """A page of groups, the one seen last first."""
    before_time, before_fingerprint = before or (None, None)
    parameters = {
        "agent_id": agent_id,
        "before_time": before_time,
        "before_fingerprint": before_fingerprint,
        "limit": limit,
    }
    return await database.tenant_rows(tenant_id, "dead_letter", "groups", parameters, prepare=False)


async def alike(
    connection: AsyncConnection[DictRow], tenant_id: str, chosen: DeadLetterFilter, limit: int
) -> list[str]:
    """Ids of the oldest dead letters of one cause or agent."""
    parameters = {"tenant_id": tenant_id, **chosen.__dict__, "limit": limit}
    return [str(row["task_id"]) for row in await fetch_all(connection, "dead_letter", "alike", parameters)]


async def redrive_many(
    connection: AsyncConnection[DictRow], tenant_id: str, task_ids: Sequence[str]
) -> tuple[list[Row], list[dict[str, Any]]]:
    """Redrive what can be; gives the rows that landed, and `{task_id, reason}` of the others."""
    wanted = sorted(set(task_ids))
    landed = await transition(connection, [redrive(tenant_id, task_id) for task_id in wanted]) if wanted else []
    done = {str(row["task_id"]) for row in landed}
    rest = [task_id for task_id in wanted if task_id not in done]
    return landed, await _skipped(connection, tenant_id, rest)


async def _skipped(connection: AsyncConnection[DictRow], tenant_id: str, task_ids: list[str]) -> list[dict[str, Any]]:
    if not task_ids:
        return []
    rows = await fetch_all(connection, "dead_letter", "states", {"tenant_id": tenant_id, "task_ids": task_ids})
    states = {str(row["task_id"]): row["status"] for row in rows}
    return [{"task_id": task_id, "reason": states.get(task_id, "not_found")} for task_id in task_ids]
