"""One poller per process for all watched tasks: a single query finds the news of every stream.

Each watcher asks for more by itself and remembers what it has seen. A watcher that does not read is not asked for, and
is dropped when it has stood still too long: a slow reader costs its own stream, never a task or another reader.
"""

import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from agent_runtime.domain.errors import DatabaseUnavailable
from agent_runtime.store import event as store
from agent_runtime.store.database import Database, Row

POLL_SECONDS = 0.12
PAGE = 100
WAITING_ROWS = 400
LISTEN_SECONDS = 15.0
REFRESH_SECONDS = 5.0
_TERMINAL = frozenset({"completed", "dead_letter"})
_log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Watcher:
    """One open stream: what it has seen, and what waits for it."""

    tenant_id: str
    task_id: str
    seen: int
    waiting: asyncio.Queue[Row | None] = field(default_factory=asyncio.Queue)
    moved_at: float = field(default_factory=time.monotonic)
    ended: bool = False

    @property
    def has_room(self) -> bool:
        """Whether it reads fast enough to be asked for."""
        return not self.ended and self.waiting.qsize() < WAITING_ROWS

    def tell(self, row: Row) -> None:
        """Hand over a durable row or live tokens."""
        self.waiting.put_nowait(row)

    def end(self) -> None:
        """Nothing more will come."""
        self.ended = True
        self.waiting.put_nowait(None)


class TaskFeed:
    """All watchers of this process and the loop that serves them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: set[Watcher] = set()
        self._some = asyncio.Event()
        self._listener_id = uuid.uuid4().hex
        self._chunk_seen: dict[str, int] = {}
        self._listening: dict[str, set[str]] = {}
        self._refreshed_at = 0.0

    @property
    def open_streams(self) -> int:
        """How many watchers there are."""
        return len(self._watchers)

    def watch(self, tenant_id: str, task_id: str, seen: int) -> Watcher:
        """Begin to watch a task after what the reader has seen."""
        watcher = Watcher(tenant_id, task_id, seen)
        self._watchers.add(watcher)
        self._some.set()
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Stop watching."""
        self._watchers.discard(watcher)

    async def run(self) -> None:
        """Serve until cancelled. It outlives the database: streams wait until it is back."""
        while True:
            if not self._watchers:
                self._some.clear()
                await self._forget_listening()
                await self._some.wait()
            try:
                full = await self._look()
            except DatabaseUnavailable as error:
                _log.info("feed_waits_for_database", error=str(error))
                full = False
            except Exception:  # noqa: BLE001  every stream of the process hangs on this loop
                _log.exception("feed_failed")
                full = False
            await asyncio.sleep(0 if full else POLL_SECONDS)

    async def _look(self) -> bool:
        full = False
        for tenant_id, watchers in self._by_tenant().items():
            await self._tell_tokens(tenant_id, watchers)
            full |= await self._tell_news(tenant_id, watchers)
        return full

    def _by_tenant(self) -> dict[str, list[Watcher]]:
        groups: dict[str, list[Watcher]] = defaultdict(list)
        for watcher in self._watchers:
            if watcher.has_room:
                groups[watcher.tenant_id].append(watcher)
        return groups

    async def _tell_news(self, tenant_id: str, watchers: Sequence[Watcher]) -> bool:
        rows = await store.news(self._database, tenant_id, [(each.task_id, each.seen) for each in watchers], PAGE)
        pages: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            pages[row["place"]].append(row)
        full = False
        for place, watcher in enumerate(watchers, 1):
            page = pages.get(place)
            if not page:
                watcher.end()
                continue
            full |= _hand_over(watcher, page)
        return full

    async def _tell_tokens(self, tenant_id: str, watchers: Sequence[Watcher]) -> None:
        task_ids = {each.task_id for each in watchers}
        await self._keep_listening(tenant_id, task_ids)
        seen = self._chunk_seen.get(tenant_id)
        if seen is None:
            self._chunk_seen[tenant_id] = await store.newest_chunk(self._database, tenant_id)
            return
        rows = await store.tokens(self._database, tenant_id, sorted(task_ids), seen)
        if not rows:
            return
        self._chunk_seen[tenant_id] = rows[-1]["chunk_id"]
        by_task: dict[str, list[Watcher]] = defaultdict(list)
        for watcher in watchers:
            by_task[watcher.task_id].append(watcher)
        for row in rows:
            _tell_all(by_task[str(row["task_id"])], {"kind": "token", "text": row["text"], "attempt": row["attempt"]})

    async def _keep_listening(self, tenant_id: str, task_ids: set[str]) -> None:
        known = self._listening.setdefault(tenant_id, set())
        due = time.monotonic() - self._refreshed_at > REFRESH_SECONDS
        wanted = task_ids if due else task_ids - known
        if due:
            self._refreshed_at = time.monotonic()
            if gone := known - task_ids:
                await store.stop_listening(self._database, tenant_id, self._listener_id, sorted(gone))
                known -= gone
        if wanted:
            await store.listen(self._database, tenant_id, self._listener_id, sorted(wanted), LISTEN_SECONDS)
            known |= wanted

    async def _forget_listening(self) -> None:
        for tenant_id, task_ids in self._listening.items():
            try:
                await store.stop_listening(self._database, tenant_id, self._listener_id, sorted(task_ids))
            except DatabaseUnavailable:
                break
        self._listening.clear()
        self._chunk_seen.clear()


def _hand_over(watcher: Watcher, page: Sequence[Row]) -> bool:
    """Give a page to its watcher; True when there may be more at once."""
    news = [row for row in page if row["sequence"] is not None]
    for row in news:
        watcher.seen = row["sequence"]
        watcher.tell(row)
    last = page[-1]
    if last["status"] in _TERMINAL and watcher.seen >= last["last_sequence"]:
        watcher.end()
    return len(news) == PAGE


def _tell_all(watchers: Iterable[Watcher], row: dict[str, Any]) -> None:
    for watcher in watchers:
        watcher.tell(row)
