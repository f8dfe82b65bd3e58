"""The worker's pulse, on a thread and a connection of its own, so that a busy event loop cannot starve it.

It renews the session's lease, holds the advisory lock whose release tells peers of this process's death, looks for dead
peers, stops the worker's own work when it cannot renew, and ends the process when the event loop is blocked.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog

from agent_runtime.domain.lease import LOOKS_UNTIL_DEAD, QUIET_SECONDS_AFTER_DATABASE_START, LeaseTiming
from agent_runtime.store.database import connection_options
from agent_runtime.store.lease import lease_query

_log = structlog.get_logger("worker.heartbeat")
BLOCKED_LOOP_EXIT_CODE = 70
_RECONNECT_SECONDS = 0.2


@dataclass(frozen=True)
class SessionFacts:
    """What a worker's session row says of it."""

    worker_id: str
    worker_pool_id: str
    host: str
    version: str
    capacity: int
    lock_key: int


@dataclass(frozen=True)
class Listeners:
    """What the heartbeat tells the worker; each is called on the event loop."""

    on_dead_peers: Callable[[list[str]], None]
    on_session_lost: Callable[[], None]
    on_cannot_renew: Callable[[], None]
    on_drain_requested: Callable[[], None]
    running_tasks: Callable[[], int]


class Heartbeat:
    """Start it before the first claim and stop it after the last hand-over."""

    def __init__(
        self, url: str, facts: SessionFacts, timing: LeaseTiming, listeners: Listeners, *, watchdog_seconds: float
    ) -> None:
        self._url = url
        self._facts = facts
        self._timing = timing
        self._listeners = listeners
        self._watchdog_seconds = watchdog_seconds
        self._loop = asyncio.get_running_loop()
        self._loop_seen = time.monotonic()
        self._renewed = time.monotonic()
        self._registered = asyncio.Event()
        self._stop = threading.Event()
        self._register_again = True
        self._told_cannot_renew = False
        self._suspects: dict[str, int] = {}
        self._thread = threading.Thread(target=self._beat_until_stopped, name="heartbeat", daemon=True)
        self.status = "online"

    async def start(self) -> None:
        """Start beating; returns when the session is registered and its lock held."""
        self._thread.start()
        self._mark_loop()
        await self._registered.wait()

    async def stop(self) -> None:
        """Stop beating and let the lock go."""
        self._stop.set()
        await asyncio.to_thread(self._thread.join, 5)

    def register_again(self) -> None:
        """After the worker has dropped what a lost session held."""
        self._register_again = True

    def _mark_loop(self) -> None:
        self._loop_seen = time.monotonic()
        if not self._stop.is_set():
            self._loop.call_later(min(0.25, self._watchdog_seconds / 4), self._mark_loop)

    # On the thread

    def _beat_until_stopped(self) -> None:
        while not self._stop.is_set():
            try:
                self._with_connection()
            except psycopg.Error as error:
                _log.warning("heartbeat_lost_connection", error=str(error).strip())
                self._watch()
                self._stop.wait(_RECONNECT_SECONDS)

    def _with_connection(self) -> None:
        options = connection_options("par_worker", f"par-heartbeat {self._facts.worker_id}")
        options["options"] += " -c statement_timeout=5s -c idle_session_timeout=0"
        with psycopg.connect(self._url, **options) as connection:
            held = False
            next_beat = 0.0
            while not self._stop.is_set():
                if self._register_again:
                    self._register(connection)
                held = held or self._hold_lock(connection)
                if time.monotonic() >= next_beat:
                    self._renew(connection)
                    next_beat = time.monotonic() + self._timing.heartbeat
                self._probe(connection)
                self._watch()
                if held and not self._registered.is_set():
                    self._call(self._registered.set)
                self._stop.wait(self._timing.probe)

    def _register(self, connection: psycopg.Connection[Any]) -> None:
        facts = self._facts
        connection.execute(
            lease_query("register"),
            {
                "worker_id": facts.worker_id,
                "worker_pool_id": facts.worker_pool_id,
                "host": facts.host,
                "pid": os.getpid(),
                "version": facts.version,
                "capacity": facts.capacity,
                "lock_key": facts.lock_key,
                "lease_seconds": self._timing.lease,
            },
        )
        self._register_again = False
        self._beat_landed()

    def _hold_lock(self, connection: psycopg.Connection[Any]) -> bool:
        row = connection.execute(lease_query("hold_lock"), {"lock_key": self._facts.lock_key}).fetchone()
        return bool(row and row[0])

    def _renew(self, connection: psycopg.Connection[Any]) -> None:
        row = connection.execute(
            lease_query("renew"),
            {
                "worker_id": self._facts.worker_id,
                "lease_seconds": self._timing.lease,
                "running_tasks": self._listeners.running_tasks(),
                "status": self.status,
            },
        ).fetchone()
        if row is None:
            if not self._register_again:
                self._call(self._listeners.on_session_lost)
            return
        self._beat_landed()
        if row[0]:
            self._call(self._listeners.on_drain_requested)

    def _beat_landed(self) -> None:
        self._renewed = time.monotonic()
        self._told_cannot_renew = False

    def _probe(self, connection: psycopg.Connection[Any]) -> None:
        rows = connection.execute(
            lease_query("free_locks"),
            {"worker_id": self._facts.worker_id, "quiet_seconds": QUIET_SECONDS_AFTER_DATABASE_START},
        ).fetchall()
        free = {row[0] for row in rows}
        self._suspects = {worker_id: self._suspects.get(worker_id, 0) + 1 for worker_id in free}
        dead = [worker_id for worker_id, looks in self._suspects.items() if looks >= LOOKS_UNTIL_DEAD]
        if dead:
            self._call(lambda: self._listeners.on_dead_peers(dead))

    def _watch(self) -> None:
        now = time.monotonic()
        if now - self._renewed > self._timing.stop_own_work_after and not self._told_cannot_renew:
            self._told_cannot_renew = True
            self._call(self._listeners.on_cannot_renew)
        if now - self._loop_seen > self._watchdog_seconds:
            _log.critical("event_loop_blocked", seconds=round(now - self._loop_seen, 1), action="the process ends")
            os._exit(BLOCKED_LOOP_EXIT_CODE)

    def _call(self, listener: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(listener)
