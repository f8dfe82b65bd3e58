"""Hints that wake workers: sent after the commit, outside its transaction, the first at once and then a few per second.

Polling alone suffices, so that a hint may fail or be lost. An open NOTIFY inside the writing transaction would make all
commits wait for one another.
"""

import asyncio

import structlog

from agent_runtime.domain.errors import DatabaseUnavailable
from agent_runtime.store.database import Database
from agent_runtime.store.task import notify

WORK_CHANNEL = "par_work"
STOP_CHANNEL = "par_stop"
PAUSE_SECONDS = 0.025
_log = structlog.get_logger(__name__)


class Hints:
    """Collects what is to be told and tells it from one background task."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pending: dict[tuple[str, str], None] = {}
        self._some = asyncio.Event()

    def new_work(self, worker_pool_id: str) -> None:
        """Queued work waits in a pool."""
        self._add(WORK_CHANNEL, worker_pool_id)

    def stop_task(self, worker_id: str | None) -> None:
        """A task that this worker runs was taken from it."""
        if worker_id is not None:
            self._add(STOP_CHANNEL, worker_id)

    def _add(self, channel: str, payload: str) -> None:
        self._pending[(channel, payload)] = None
        self._some.set()

    async def run(self) -> None:
        """Send hints until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            pending, self._pending = self._pending, {}
            for channel, payload in pending:
                try:
                    await notify(self._database, channel, payload)
                except DatabaseUnavailable as error:
                    _log.info("hint_lost", channel=channel, error=str(error))
            await asyncio.sleep(PAUSE_SECONDS)
