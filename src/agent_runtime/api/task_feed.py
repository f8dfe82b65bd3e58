"""One poller per process for all watched tasks: a single query finds the news of every stream.

Each watcher asks for more by itself and remembers what it has seen. A watcher that does not read is not asked for, and
is dropped when it has stood still too long: a slow reader costs its own stream, never a task or another reader.
"""

import asyncio
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Iterable, Sequence

import structlog

from agent_runtime.api.stream_frames import durable_frame, token_frame
from agent_runtime.domain.errors import AgentRuntimeError, DatabaseUnavailable
from agent_runtime.store import event as store
from agent_runtime.store.database import Database, Row

POLL_SECONDS = 0.12
# Entries of one task and of all tasks that one look brings: their messages may be long.
PAGE = 100
_ROWS_PER_LOOK = 2_000
_FEWEST_PER_PAGE = 5
# What may wait for a reader, in bytes, before it is asked for no more.
WAITING_BYTES = 512 * 1024
LISTEN_SECONDS = 15.0
REFRESH_SECONDS = 5.0
_TERMINAL = frozenset({"completed", "dead_letter"})
_log = structlog.get_logger(__name__)


class TooManyStreams(AgentRuntimeError):
    """A tenant has as many open streams on this process as it may have."""


class Watcher:
    """One open stream: what it has seen, and what waits for it as bytes for the wire."""

    def __init__(self, tenant_id: str, task_id: str, seen: int) -> None:
        self.tenant_id = tenant_id
        self.task_id = task_id
        self.seen = seen
        self.ended = False
        self._frames: list[bytes] = []
        self._waiting_bytes = 0
        self._some = asyncio.Event()

    @property
    def has_room(self) -> bool:
        """Whether it reads fast enough to be asked for."""
        return not self.ended and self._waiting_bytes < WAITING_BYTES

    def tell(self, frame: bytes) -> None:
        """Hand over a durable entry or live tokens."""
        self._frames.append(frame)
        self._waiting_bytes += len(frame)
        self._some.set()

    def end(self) -> None:
        """Nothing more will come."""
        self.ended = True
        self._some.set()

    async def take(self) -> bytes | None:
        """All that waits, at least something; None when nothing more will come."""
        await self._some.wait()
        if not self._frames:
            return None
        frames, self._frames, self._waiting_bytes = b"".join(self._frames), [], 0
        if not self.ended:
            self._some.clear()
        return frames


class TaskFeed:
    """All watchers of this process and the loop that serves them."""

    def __init__(self, database: Database, most_streams: int) -> None:
        self._database = database
        self._most_streams = most_streams
        self._watchers: set[Watcher] = set()
        self._new: set[Watcher] = set()
        self._by_tenant_open: Counter[str] = Counter()
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
        """Begin to watch a task after what the reader has seen. Raises TooManyStreams."""
        if self._by_tenant_open[tenant_id] >= self._most_streams:
            raise TooManyStreams(f"{self._most_streams} streams are open, as many as a tenant may have on one server")
        self._by_tenant_open[tenant_id] += 1
        watcher = Watcher(tenant_id, task_id, seen)
        self._watchers.add(watcher)
        self._new.add(watcher)
        self._some.set()
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """Stop watching; again changes nothing."""
        if watcher in self._watchers:
            self._watchers.remove(watcher)
            self._new.discard(watcher)
            self._by_tenant_open[watcher.tenant_id] -= 1

    async def run(self) -> None:
        """Serve until cancelled. It outlives the database: streams wait until it is back."""
        while True:
            if not self._watchers:
                self._some.clear()
                await self._forget_listening()
                await self._some.wait()
            self._new.clear()
            full = await self._guarded(self._look(self._watchers, tokens=True))
            if full:
                await asyncio.sleep(0)
            else:
                await self._pause()

    async def _pause(self) -> None:
        """Until the next look. Who comes meanwhile need not wait for it."""
        until = time.monotonic() + POLL_SECONDS
        while (left := until - time.monotonic()) > 0:
            if not self._new:
                self._some.clear()
                try:
                    async with asyncio.timeout(left):
                        await self._some.wait()
                except TimeoutError:
                    return
            new, self._new = self._new, set()
            if await self._guarded(self._look(new, tokens=False)):
                return

    async def _guarded(self, look: Awaitable[bool]) -> bool:
        """What a look gives; False when it fails, for every stream of the process hangs on the loop."""
        try:
            return await look
        except DatabaseUnavailable as error:
            _log.info("feed_waits_for_database", error=str(error))
        except Exception:  # noqa: BLE001  every stream of the process hangs on this loop
            _log.exception("feed_failed")
        return False

    async def _look(self, watched: Iterable[Watcher], *, tokens: bool) -> bool:
        """Tell watchers what is new; True when there is more at once. Live tokens only to all of them together."""
        full = False
        for tenant_id, watchers in _by_tenant(watched).items():
            if tokens:
                await self._tell_tokens(tenant_id, watchers)
            full |= await self._tell_news(tenant_id, watchers)
        return full

    async def _tell_news(self, tenant_id: str, watchers: Sequence[Watcher]) -> bool:
        # Readers of one task that have seen the same are asked for once, and get the same bytes.
        alike: dict[tuple[str, int], list[Watcher]] = defaultdict(list)
        for watcher in watchers:
            alike[watcher.task_id, watcher.seen].append(watcher)
        size = min(PAGE, max(_FEWEST_PER_PAGE, _ROWS_PER_LOOK // len(alike)))
        rows = await store.news(self._database, tenant_id, list(alike), size)
        pages: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            pages[row["place"]].append(row)
        full = False
        for place, readers in enumerate(alike.values(), 1):
            page = pages.get(place)
            if not page:
                for watcher in readers:
                    watcher.end()
                continue
            full |= _hand_over(readers, page, size)
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
            frame = token_frame(row)
            for watcher in by_task[str(row["task_id"])]:
                watcher.tell(frame)

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


def _by_tenant(watched: Iterable[Watcher]) -> dict[str, list[Watcher]]:
    groups: dict[str, list[Watcher]] = defaultdict(list)
    for watcher in watched:
        if watcher.has_room:
            groups[watcher.tenant_id].append(watcher)
    return groups


def _hand_over(readers: Sequence[Watcher], page: Sequence[Row], size: int) -> bool:
    """Give a page to its readers; True when there may be more at once."""
    news = [row for row in page if row["sequence"] is not None]
    frames = b"".join(durable_frame(row) for row in news)
    last = page[-1]
    for watcher in readers:
        if news:
            watcher.seen = news[-1]["sequence"]
            watcher.tell(frames)
        if last["status"] in _TERMINAL and watcher.seen >= last["last_sequence"]:
            watcher.end()
    return len(news) == size
