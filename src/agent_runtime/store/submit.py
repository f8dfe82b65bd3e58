"""Submission of tasks. What arrives at the same time is written by one statement, so that commits are shared.

The first submission goes at once; those that come while it is under way go together in the next statement. Each
stays all or none by itself, and one that the database refuses does not take the others with it. Tenants take turns, and
each has its share of what may wait: nobody is refused, or written later, for what another tenant sends.
"""

import asyncio
from collections import OrderedDict, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import psycopg

from agent_runtime.domain.errors import DatabaseUnavailable, Overloaded
from agent_runtime.store import artifact
from agent_runtime.store.artifact import StoredObject
from agent_runtime.store.database import Database, Row, fetch_all
from agent_runtime.store.idempotency import RequestKey

STATEMENTS_AT_ONCE = 2
TASKS_PER_STATEMENT = 64
# What may wait for a statement: about a second of work. More would only wait longer and hold its bodies.
MOST_WAITING = 1_000
MOST_WAITING_TASKS = 20_000
# One tenant alone has half of that, so that there is room for the next one at once.
FEWEST_SHARES = 2


@dataclass(eq=False)
class Submission:
    """Tasks to insert all or none, as rows of the statement; `key` makes it happen once."""

    tenant_id: str
    tasks: Sequence[Mapping[str, Any]]
    key: RequestKey | None = None
    done: "asyncio.Future[list[Row]]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass
class _Line:
    """What waits of one tenant, in order."""

    submissions: deque[Submission] = field(default_factory=deque)
    tasks: int = 0

    def add(self, submission: Submission) -> None:
        self.submissions.append(submission)
        self.tasks += len(submission.tasks)

    def take_group(self) -> list[Submission]:
        """What goes in one statement, each key at most once: its duplicates must see the first one's answer."""
        group: list[Submission] = []
        left: list[Submission] = []
        keys: set[str] = set()
        size = 0
        while self.submissions and size < TASKS_PER_STATEMENT:
            each = self.submissions.popleft()
            fits = not group or size + len(each.tasks) <= TASKS_PER_STATEMENT
            if not fits or (each.key is not None and each.key.key in keys):
                left.append(each)
                continue
            if each.key is not None:
                keys.add(each.key.key)
            group.append(each)
            size += len(each.tasks)
        self.submissions.extendleft(reversed(left))
        self.tasks -= size
        return group


class Submitter:
    """Collects submissions and writes them a group at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lines: OrderedDict[str, _Line] = OrderedDict()
        self._under_way: set[asyncio.Task[None]] = set()

    async def submit(self, submission: Submission) -> list[Row]:
        """The tasks' rows in order; none when nothing was inserted (an agent refuses it, or the key is taken).

        Raises Overloaded when too much of this tenant waits already, DatabaseUnavailable when the outcome is unknown or
        the database is away.
        """
        self._line_with_room(submission.tenant_id).add(submission)
        self._start()
        return await submission.done

    def _line_with_room(self, tenant_id: str) -> _Line:
        line = self._lines.get(tenant_id) or _Line()
        shares = max(FEWEST_SHARES, len(self._lines.keys() | {tenant_id}))
        submissions, tasks = max(1, MOST_WAITING // shares), max(1, MOST_WAITING_TASKS // shares)
        if len(line.submissions) >= submissions or line.tasks >= tasks:
            raise Overloaded(f"{line.tasks} tasks that you submitted wait to be written: send this again in a second")
        return self._lines.setdefault(tenant_id, line)

    def _start(self) -> None:
        while self._lines and len(self._under_way) < STATEMENTS_AT_ONCE:
            task = asyncio.create_task(self._write(self._next_group()))
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        self._start()

    def _next_group(self) -> list[Submission]:
        """What waits of the tenant whose turn it is; the rest of it comes after the other tenants."""
        tenant_id, line = self._lines.popitem(last=False)
        group = line.take_group()
        if line.submissions:
            self._lines[tenant_id] = line
        return group

    async def _write(self, group: Sequence[Submission]) -> None:
        try:
            rows = await self._insert(group)
        except psycopg.Error as error:
            if len(group) == 1:
                _fail(group, error)
            else:
                for each in group:
                    await self._write([each])
        except BaseException as error:  # noqa: BLE001  whatever it was, nobody may wait for ever
            _fail(group, error if isinstance(error, Exception) else DatabaseUnavailable("the server is stopping"))
        else:
            for place, each in enumerate(group):
                if not each.done.done():
                    each.done.set_result(rows[place])

    async def _insert(self, group: Sequence[Submission]) -> dict[int, list[Row]]:
        tasks = [{**task, "submission": place} for place, each in enumerate(group) for task in each.tasks]
        submissions = [_submission_row(place, each) for place, each in enumerate(group)]
        parameters = {"tasks": orjson.dumps(tasks).decode(), "submissions": orjson.dumps(submissions).decode()}
        found: dict[int, list[Row]] = defaultdict(list)
        for row in await self._database.tenant_rows(group[0].tenant_id, "submit", "submit", parameters):
            found[row.pop("submission")].append(row)
        return found


async def submit_with_files(database: Database, submission: Submission, files: Sequence[StoredObject]) -> list[Row]:
    """Insert one task and the rows of its files, whose bytes are stored, in one transaction; no row as in `submit`.

    Raises DatabaseUnavailable, ObjectStoreUnavailable when a file took too long.
    """
    tasks = [{**task, "submission": 0} for task in submission.tasks]
    parameters = {
        "tenant_id": submission.tenant_id,
        "tasks": orjson.dumps(tasks).decode(),
        "submissions": orjson.dumps([_submission_row(0, submission)]).decode(),
    }
    async with database.transaction(submission.tenant_id) as connection:
        rows = await fetch_all(connection, "submit", "submit", parameters)
        for row in rows:
            del row["submission"]
            row["task_id"] = str(row["task_id"])
            for each in files:
                await artifact.add(connection, each)
        return rows


async def takes_files(database: Database, tenant_id: str, agent_id: str) -> bool | None:
    """Whether tasks of the agent may be given files; None when there is no such agent."""
    row = await database.tenant_row(tenant_id, "submit", "takes_files", {"agent_id": agent_id})
    return row["takes_files"] if row else None


async def refused_agents(database: Database, tenant_id: str, agent_ids: Sequence[str]) -> dict[str, Row]:
    """Status and task budget of the agents that a refused submission names, by id."""
    rows = await database.tenant_rows(tenant_id, "submit", "refused_agents", {"agent_ids": list(agent_ids)})
    return {row["agent_id"]: row for row in rows}


def _submission_row(place: int, submission: Submission) -> dict[str, Any]:
    key = submission.key
    return {
        "submission": place,
        "idempotency_key": key.key if key else None,
        "request_hash": key.request_hash.hex() if key else None,
        "tasks": len(submission.tasks),
    }


def _fail(group: Sequence[Submission], error: Exception) -> None:
    for each in group:
        if not each.done.done():
            each.done.set_exception(error)
