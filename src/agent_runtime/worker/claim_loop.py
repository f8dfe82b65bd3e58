"""Claims what the worker has room for and starts it; polling alone is enough, hints only make it sooner."""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog

from agent_runtime import fault_points
from agent_runtime.domain.errors import DatabaseUnavailable
from agent_runtime.store.claim import ClaimRequest, Lane, claim
from agent_runtime.store.database import Database, Row
from agent_runtime.worker.claimed_task import ClaimedTask

_log = structlog.get_logger("worker.claim")
_MOST_PER_CLAIM = 64
_FULL_LOOK_SECONDS = 1.0
_FEWEST_AGENTS = 4
_LANE_MARGIN = 2
# Another worker held the claim lock of an agent: it is free again in a moment.
_CONTENDED_SECONDS = 0.005
_ROOM_SECONDS = 0.01
# A task committed this much later than its enqueued_at is still found without waiting for the next full look.
_MARK_SLACK = timedelta(seconds=0.5)


class ClaimLoop:
    """Runs for ever with `run()`; `run_once()` is one claim. `start` is called with each claimed task."""

    def __init__(
        self,
        database: Database,
        worker_id: str,
        worker_pool_id: str,
        *,
        free: Callable[[], int],
        start: Callable[[ClaimedTask], None],
        poll_seconds: float,
    ) -> None:
        self._database = database
        self._request = ClaimRequest(worker_id, worker_pool_id, capacity=0)
        self._free = free
        self._start = start
        self._poll_seconds = poll_seconds
        self._marks: dict[Lane, datetime] = {}
        self._last_full_look = 0.0
        self._wake = asyncio.Event()
        self._lanes_with_work = 1
        self._fullest_lane = 0
        self._claiming = asyncio.Lock()
        self._room_timer: asyncio.TimerHandle | None = None
        self.paused = False

    async def stop(self, seconds: float) -> None:
        """Claim no more. One that is under way is waited for, since what it takes is this worker's already."""
        self.paused = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._claiming:
                return

    def wake(self) -> None:
        """Something may be there: look at once."""
        self._wake.set()

    def room_again(self) -> None:
        """A task ended. Under load more end in a moment, and one claim serves them all."""
        if self._room_timer is None:
            self._room_timer = asyncio.get_running_loop().call_later(_ROOM_SECONDS, self._look_for_room)

    def _look_for_room(self) -> None:
        self._room_timer = None
        self._wake.set()

    def look_everywhere(self) -> None:
        """Work came back at its old age: the next claim looks from the start of each lane."""
        self._marks.clear()
        self._wake.set()

    async def run(self) -> None:
        """Claim until cancelled."""
        while True:
            more = False
            try:
                more = await self.run_once()
            except DatabaseUnavailable as error:
                _log.warning("claim_waits_for_database", error=str(error))
            except Exception:  # noqa: BLE001 - a claim that fails once must not end all further ones; it is tried again
                _log.exception("claim_failed")
            if not more:
                await self._pause(_CONTENDED_SECONDS if self._request.contended else self._poll_seconds)

    async def run_once(self) -> bool:
        """One claim; gives whether it is worth looking again at once."""
        room = min(self._free(), _MOST_PER_CLAIM)
        if room <= 0 or self.paused:
            return False
        self._prepare(room)
        async with self._claiming:
            rows = await claim(self._database, self._request)
            fault_points.reach("claim.committed")
            self._remember(rows)
            for row in rows:
                self._start(ClaimedTask.from_row(row))
        return len(rows) == room or self._fullest_lane >= self._request.per_lane

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    def _prepare(self, room: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._last_full_look > _FULL_LOOK_SECONDS:
            self._last_full_look = now
            self._marks.clear()
        self._request.capacity = room
        # Lanes that gave work last time will share this claim; one that gives all it may is looked at again at once.
        self._request.per_lane = min(room, _LANE_MARGIN * math.ceil(room / self._lanes_with_work))
        self._request.agents = max(room, _FEWEST_AGENTS)
        self._request.marks = self._marks

    def _remember(self, rows: Iterable[Row]) -> None:
        lanes: Counter[Lane] = Counter()
        for row in rows:
            lane = (row["tenant_id"], row["agent_id"], row["priority"])
            lanes[lane] += 1
            mark = row["enqueued_at"] - _MARK_SLACK
            if lane not in self._marks or mark > self._marks[lane]:
                self._marks[lane] = mark
        self._lanes_with_work = max(1, len(lanes))
        self._fullest_lane = max(lanes.values(), default=0)
