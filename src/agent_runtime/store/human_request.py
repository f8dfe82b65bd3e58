"""What waits for people, and the answers they gave."""

from dataclasses import asdict, dataclass
from typing import Any

from agent_runtime.domain.errors import NotFound
from agent_runtime.domain.human_request import PastRequest, other_request, too_late
from agent_runtime.domain.task_lifecycle import Change
from agent_runtime.store.database import Connection, Database, Row, fetch_one

_ROOM = "human_request"
_KINDS = {Change.APPROVE: "approval", Change.REJECT: "approval", Change.RESPOND: "input"}


@dataclass(frozen=True)
class RequestFilter:
    """Which open requests; None is any."""

    agent_id: str | None = None
    kind: str | None = None
    task_id: str | None = None


async def page(
    database: Database, tenant_id: str, chosen: RequestFilter, before: tuple[Any, ...] | None, limit: int
) -> list[Row]:
    """Open requests, newest first, after the key `(created_at, request_id)`."""
    time, request_id = before or (None, None)
    parameters = {**asdict(chosen), "before_time": time, "before_id": request_id, "limit": limit}
    return await database.tenant_rows(tenant_id, _ROOM, "page", parameters)


async def open_request(
    connection: Connection, tenant_id: str, task_id: str, change: Change, request_id: str | None
) -> Row:
    """The open request that an answer is for, with the task locked.

    Raises NotFound for a task that the tenant does not have, Conflict, saying who answered what and when, when the task
    waits for no such answer or `request_id` is not what is open.
    """
    key = {"tenant_id": tenant_id, "task_id": task_id}
    task = await fetch_one(connection, "task_action", "live_worker", key)
    if task is None:
        raise NotFound("task", task_id)
    found = await fetch_one(connection, _ROOM, "open", key)
    if found is None or found["kind"] != _KINDS[change]:
        raise too_late(task["status"], await _closed(connection, key, request_id))
    if request_id is not None and str(found["request_id"]) != request_id:
        raise other_request(task["status"], str(found["request_id"]), await _closed(connection, key, request_id))
    return found


async def _closed(connection: Connection, key: dict[str, str], request_id: str | None) -> PastRequest | None:
    row = await fetch_one(connection, _ROOM, "closed", {**key, "request_id": request_id})
    if row is None:
        return None
    return PastRequest(str(row["request_id"]), row["state"], row["decision"], row["closed_by"], row["closed_at"])


async def unused_answers(database: Database, tenant_id: str, task_id: str) -> list[Row]:
    """`request_id, tool_call_id, tool_args, reason, answer` of a task's answers that no call has used, oldest first."""
    return await database.fetch_all(_ROOM, "unused_answers", {"tenant_id": tenant_id, "task_id": task_id})


async def expired(database: Database, limit: int = 200) -> list[Row]:
    """`tenant_id, task_id, waited` of tasks whose question has run out of time."""
    return await database.fetch_all(_ROOM, "expired", {"limit": limit})
