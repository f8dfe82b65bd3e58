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

import structlog

from agent_runtime.domain.errors import DatabaseUnavailable
from agent_runtime.domain.lease import LOOKS_UNTIL_DEAD, QUIET_SECONDS_AFTER_DATABASE_START, LeaseTiming
from agent_runtime.store.pulse import Pulse, SessionFacts, pulse

_log = structlog.get_logger("worker.heartbeat")
BLOCKED_LOOP_EXIT_CODE = 70
_RECONNECT_SECONDS = 0.2


@dataclass(frozen=True)
class Listeners:
    """What the heartbeat tells the worker; each is called on the event loop."""

    on_dead_peers: Callable[[list[str]], None]
    on_session_lost: Callable[[], None]
    on_cannot_renew: Callable[[], None]
    on_renewed: Callable[[], None]
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
        self._watched = time.monotonic()
        self._renewed = time.monotonic()
        self._registered = asyncio.Event()
        self._stop = threading.Event()
        self._register_again = True
        self._told_cannot_renew = False
        self._connected = False
        self._suspects: dict[str, int] = {}
        self._thread = threading.Thread(target=self._beat_until_stopped, name="heartbeat", daemon=True)
        # On a thread of its own: a beat may hang in a statement for as long as the network pleases.
        self._watcher = threading.Thread(target=self._watch_until_stopped, name="watchdog", daemon=True)
        self.status = "online"

    async def start(self) -> None:
        """Start beating; returns when the session is registered and its lock held."""
        self._thread.start()
        self._watcher.start()
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
                with pulse(self._url, self._facts) as connection:
                    self._beat(connection)
            except DatabaseUnavailable as error:
                _log.warning("heartbeat_lost_connection", error=str(error))
                # At once the first time: peers take a lock that stays free for a dead worker's.
                if self._connected:
                    self._connected = False
                else:
                    self._stop.wait(_RECONNECT_SECONDS)

    def _beat(self, connection: Pulse) -> None:
        held = connection.hold_lock()
        self._connected = True
        next_beat = 0.0
        while not self._stop.is_set():
            if self._register_again:
                connection.register()
                self._register_again = False
                self._beat_landed()
                self._call(self._listeners.on_renewed)
            held = held or connection.hold_lock()
            if time.monotonic() >= next_beat:
                self._renew(connection)
                next_beat = time.monotonic() + self._timing.heartbeat
            self._probe(connection)
            if held and not self._registered.is_set():
                self._call(self._registered.set)
            self._stop.wait(self._timing.probe)

    def _renew(self, connection: Pulse) -> None:
        drain_requested = connection.renew(self._listeners.running_tasks(), self.status)
        if drain_requested is None:
            if not self._register_again:
                self._call(self._listeners.on_session_lost)
            return
        self._beat_landed()
        if drain_requested:
            self._call(self._listeners.on_drain_requested)

    def _beat_landed(self) -> None:
        self._renewed = time.monotonic()
        if self._told_cannot_renew:
            self._told_cannot_renew = False
            self._call(self._listeners.on_renewed)

    def _probe(self, connection: Pulse) -> None:
        free = connection.free_locks(QUIET_SECONDS_AFTER_DATABASE_START)
        self._suspects = {worker_id: self._suspects.get(worker_id, 0) + 1 for worker_id in free}
        dead = [worker_id for worker_id, looks in self._suspects.items() if looks >= LOOKS_UNTIL_DEAD]
        if dead:
            self._call(lambda: self._listeners.on_dead_peers(dead))

    def _watch_until_stopped(self) -> None:
        while not self._stop.wait(self._timing.probe):
            self._watch()

    def _watch(self) -> None:
        now = time.monotonic()
        if now - self._watched > self._watchdog_seconds / 2:
            # This thread stood still as well: the process was frozen, which says nothing about its event loop.
            self._loop_seen = now
        self._watched = now
        if now - self._renewed > self._timing.stop_own_work_after and not self._told_cannot_renew:
            self._told_cannot_renew = True
            self._call(self._listeners.on_cannot_renew)
        if now - self._loop_seen > self._watchdog_seconds:
            _log.critical("event_loop_blocked", seconds=round(now - self._loop_seen, 1), action="the process ends")
            os._exit(BLOCKED_LOOP_EXIT_CODE)

    def _call(self, listener: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(listener)
