"""Group commit: what the tasks of a process have ready goes to the database together, one statement for many.

A flush begins as soon as a connection is free; no timer waits for company. Every unit keeps its own fence, so that a
task that was taken over writes nothing while its neighbours commit.
"""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from agent_runtime import fault_points
from agent_runtime.domain.errors import AgentRuntimeError, LeaseLost
from agent_runtime.domain.task_lifecycle import Move
from agent_runtime.store import arrays
from agent_runtime.store.database import Row, connection_options, is_outage
from agent_runtime.store.flush import Unit, flush, keep_late_call, look_again

_log = structlog.get_logger(__name__)
_RECONNECT_SECONDS = 0.25
_LOCKED_SECONDS = 0.005
_LARGEST_BATCH = 64
_FEW = 16
_FLUSH_DEADLINE_SECONDS = 30.0


class FlushRefused(AgentRuntimeError):
    """The database refused a unit by itself, whatever its neighbours: a programming error or a value it cannot hold."""


@dataclass(frozen=True, slots=True)
class Flushed:
    """What became of a unit: its attempt's cost so far and its agent's budgets as they are now (microdollars)."""

    attempt_cost: int = 0
    budget_max_per_task: int | None = None
    budget_max_per_hour: int | None = None
    moved: Row | None = None


@dataclass(slots=True)
class _Entry:
    unit: Unit
    move: Move | None
    done: "asyncio.Future[Flushed]"


class GroupCommit:
    """Flushes units over `connections` connections of its own. Use with `async with`."""

    def __init__(self, url: str, worker_id: str, *, connections: int = 2) -> None:
        self._url = url
        self._worker_id = worker_id
        self._waiting: deque[_Entry] = deque()
        self._ready = asyncio.Event()
        self._lanes = connections
        self._tasks: list[asyncio.Task[None]] = []
        self._active = 0
        self._crowded = asyncio.Event()

    @property
    def active(self) -> int:
        """How many attempts run in this process: what a batch may be made of."""
        return self._active

    @active.setter
    def active(self, attempts: int) -> None:
        self._active = attempts
        if attempts < _FEW:
            self._crowded.clear()
        else:
            self._crowded.set()

    @property
    def busy(self) -> bool:
        """Whether units wait in line already."""
        return bool(self._waiting)

    async def __aenter__(self) -> "GroupCommit":
        self._tasks = [asyncio.create_task(self._lane(n), name=f"flush-{n}") for n in range(self._lanes)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for entry in self._waiting:
            entry.done.cancel()

    async def write(self, unit: Unit, move: Move | None = None) -> Flushed:
        """Make a unit durable and, with it, land the move that ends its attempt.

        Waits through database outages. Raises LeaseLost when the attempt has ended, FlushRefused when the database
        refuses the content.
        """
        entry = _Entry(unit, move, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        self._ready.set()
        return await entry.done

    async def _lane(self, lane: int) -> None:
        connection: AsyncConnection[DictRow] | None = None
        batch: list[_Entry] = []
        try:
            while True:
                await self._ready.wait()
                if lane and self.active < _FEW:
                    # With few tasks a second connection only splits what goes together.
                    await self._crowded.wait()
                # One turn of the loop for those who become ready with the first.
                await asyncio.sleep(0)
                batch = self._take()
                if not batch:
                    continue
                connection = await self._deliver(batch, connection, lane)
        finally:
            for entry in batch:
                entry.done.cancel()
            if connection is not None:
                await connection.close()

    def _take(self) -> list[_Entry]:
        size = min(_LARGEST_BATCH, max(_FEW, (self.active + 1) // self._lanes))
        batch: list[_Entry] = []
        while self._waiting and len(batch) < size:
            entry = self._waiting.popleft()
            if not entry.done.done():
                batch.append(entry)
        # In one order, so that two that lock the same tasks wait for each other and not in a circle.
        batch.sort(key=lambda entry: entry.unit.task_id)
        if not self._waiting:
            self._ready.clear()
        return batch

    async def _deliver(self, batch: list[_Entry], connection: AsyncConnection[DictRow] | None, lane: int) -> Any:
        while batch:
            try:
                connection = connection or await self._connect()
                await self._attempt(connection, batch, lane)
                return connection
            except Exception as error:  # noqa: BLE001 - whatever one unit holds, the lane must go on for all others
                if isinstance(error, TimeoutError) or is_outage(error):
                    _log.warning("flush_waits_for_database", error=str(error).strip(), units=len(batch))
                    await _close(connection)
                    connection = None
                    await asyncio.sleep(_RECONNECT_SECONDS)
                    batch = [entry for entry in batch if not entry.done.done()]
                elif len(batch) > 1:
                    for entry in batch:
                        connection = await self._deliver([entry], connection, lane)
                    return connection
                else:
                    _refuse(batch[0], error)
                    return connection
        return connection

    async def _attempt(self, connection: AsyncConnection[DictRow], batch: list[_Entry], lane: int) -> None:
        units = [entry.unit for entry in batch]
        moves = [entry.move for entry in batch if entry.move is not None]
        fault_points.reach("finish.before_commit" if moves else "flush.before_commit")
        async with asyncio.timeout(_FLUSH_DEADLINE_SECONDS):
            flushed, moved = await flush(connection, units, moves, lane=lane)
        fault_points.reach("finish.after_commit" if moves else "flush.after_commit")
        landed = {row["ordinal"]: row for row in flushed}
        moved_tasks = {str(row["task_id"]): row for row in moved}
        missed = []
        for place, entry in enumerate(batch, 1):
            if place not in landed or (entry.move is not None and entry.unit.task_id not in moved_tasks):
                missed.append(entry)
            else:
                _answer(entry, landed[place], moved_tasks.get(entry.unit.task_id))
        if missed:
            await self._look_again(connection, missed)

    async def _look_again(self, connection: AsyncConnection[DictRow], missed: list[_Entry]) -> None:
        """A row that was merely locked reads as lost: ask, and let it wait its turn again beside the others."""
        rows = {row["ordinal"]: row for row in await look_again(connection, [entry.unit for entry in missed])}
        again = []
        for place, entry in enumerate(missed, 1):
            row, unit = rows[place], entry.unit
            landed = row["flush_number"] is not None and row["flush_number"] >= unit.flush_number
            if row["ended"] and landed and entry.move is not None and row["outcome"] == str(entry.move.change):
                _answer(entry, row, {"repeated": True})
            elif row["ended"] or row["flush_number"] is None:
                await self._lost(connection, entry, row["outcome"] or "unknown attempt")
            elif landed and entry.move is None:
                _answer(entry, row, None)
            else:
                again.append(entry)
        if again:
            asyncio.get_running_loop().call_later(_LOCKED_SECONDS, self._put_back, again)

    def _put_back(self, entries: list[_Entry]) -> None:
        self._waiting.extend(entries)
        self._ready.set()

    async def _lost(self, connection: AsyncConnection[DictRow], entry: _Entry, outcome: str) -> None:
        _log.info("write_fenced", task_id=entry.unit.task_id, attempt=entry.unit.attempt, outcome=outcome)
        for call in entry.unit.calls:
            await keep_late_call(connection, entry.unit, call, self._worker_id)
        if not entry.done.done():
            entry.done.set_exception(LeaseLost(entry.unit.task_id, entry.unit.attempt or 0, outcome))

    async def _connect(self) -> AsyncConnection[DictRow]:
        connection = await AsyncConnection.connect(
            self._url,
            row_factory=dict_row,
            **connection_options("par_worker", f"par-flush {self._worker_id}"),
        )
        arrays.register(connection)
        return connection


def _answer(entry: _Entry, row: Row, moved: Row | None) -> None:
    if not entry.done.done():
        entry.done.set_result(
            Flushed(row.get("attempt_cost") or 0, row.get("budget_max_per_task"), row.get("budget_max_per_hour"), moved)
        )


def _refuse(entry: _Entry, error: BaseException) -> None:
    if not entry.done.done():
        refused = FlushRefused(f"the database refused what task {entry.unit.task_id} had to write: {error}".strip())
        refused.__cause__ = error
        entry.done.set_exception(refused)


async def _close(connection: AsyncConnection[Any] | None) -> None:
    if connection is not None:
        with contextlib.suppress(psycopg.Error, TimeoutError):
            await asyncio.wait_for(connection.close(), 1)
