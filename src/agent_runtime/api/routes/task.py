"""Reading tasks."""

import re
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.answer import answer
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.answers import Task, TaskPage
from agent_runtime.api.schemas.fields import Identifier
from agent_runtime.api.schemas.lists import TaskQuery
from agent_runtime.api.task_view import list_row
from agent_runtime.domain.task_lifecycle import Status
from agent_runtime.store import task as store
from agent_runtime.store.database import Database
from agent_runtime.store.task import TaskFilter

router = APIRouter(tags=["tasks"])
_ID_BEGINNING = re.compile(r"[0-9a-f]{1,8}(-[0-9a-f]{0,4}){0,3}(-[0-9a-f]{0,12})?")


@router.get("/v1/tasks", **describe(TaskPage))
async def list_tasks(request: Request, query: Annotated[TaskQuery, Query()]) -> Response:
    """Tasks, newest first."""
    database, tenant_id = runtime_of(request).database, caller_of(request).tenant_id
    listing = Listing("tasks", {"task_id": "uuid"}, query.filters())
    key = listing.after(query.cursor)
    before = key[0] if key else None
    found: set[str] = set()
    for chosen in await _filters(database, tenant_id, query):
        found.update(await store.page_of_ids(database, tenant_id, chosen, before, query.limit + 1))
    task_ids = sorted(found, reverse=True)[: query.limit + 1]
    rows = await store.list_rows(database, tenant_id, task_ids[: query.limit])
    keys = [{"task_id": task_id} for task_id in task_ids]
    return answer(listing.page(keys, query.limit, [list_row(row) for row in rows]))


@router.get("/v1/tasks/{task_id}", **describe(Task))
async def get_task(request: Request, task_id: Identifier) -> Response:
    """One task."""
    return answer(await store.get_task(runtime_of(request).database, caller_of(request).tenant_id, task_id))


async def _filters(database: Database, tenant_id: str, query: TaskQuery) -> list[TaskFilter]:
    """What the query asks for; a search asks for two things, ids and names, whose pages are merged."""
    name, value = _label(query.label)
    asked = TaskFilter(
        statuses=_statuses(query),
        agent_ids=[query.agent_id] if query.agent_id is not None else None,
        pause_reason=query.pause_reason,
        dead_letter_reason=query.dead_letter_reason,
        batch_id=query.batch_id,
        label=name,
        label_value=value,
        created_after=query.created_after,
        created_before=query.created_before,
    )
    if query.q is None:
        return [asked]
    return [*_by_id(asked, query.q.lower()), *await _by_name(database, tenant_id, asked, query.q)]


def _statuses(query: TaskQuery) -> list[str] | None:
    """The states asked for; a reason belongs to one state alone, whose index then finds it."""
    asked = {str(status) for status in query.status or Status}
    if query.dead_letter_reason is not None:
        asked &= {Status.DEAD_LETTER}
    if query.pause_reason is not None:
        asked &= {Status.PAUSED}
    return None if len(asked) == len(Status) else sorted(asked)


def _label(text: str | None) -> tuple[str | None, str | None]:
    if text is None:
        return None, None
    mark = "=" if "=" in text else ":"
    name, found, value = text.partition(mark)
    return name, value if found else None


def _by_id(asked: TaskFilter, beginning: str) -> list[TaskFilter]:
    if not _ID_BEGINNING.fullmatch(beginning):
        return []
    digits = beginning.replace("-", "")
    return [replace(asked, first_id=_identifier(digits, "0"), last_id=_identifier(digits, "f"))]


def _identifier(digits: str, rest: str) -> str:
    whole = digits.ljust(32, rest)
    return "-".join((whole[:8], whole[8:12], whole[12:16], whole[16:20], whole[20:32]))


async def _by_name(database: Database, tenant_id: str, asked: TaskFilter, beginning: str) -> list[TaskFilter]:
    named: Any = await store.agents_named(database, tenant_id, beginning)
    if asked.agent_ids is not None:
        named = [agent_id for agent_id in named if agent_id in asked.agent_ids]
    return [replace(asked, agent_ids=named)] if named else []
