"""Runs claimed tasks in this process as a worker does: claim loop, attempts, group commit, settlement.

It is the worker without what stands beside its tasks (heartbeat, maintenance, listeners), so that one process can be
compared with a bare graph in the same process.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from agent_runtime.agent.graph import AgentBuilder, ModelLimits
from agent_runtime.artifacts.memory_objects import MemoryObjects
from agent_runtime.checkpointer.group_commit import GroupCommit
from agent_runtime.domain.retry import Backoff
from agent_runtime.models.providers import Providers
from agent_runtime.safe_http import PUBLIC_ONLY, SafeClient
from agent_runtime.sandboxes.providers import SandboxOptions
from agent_runtime.store.database import Database, PoolOptions
from agent_runtime.tools.web_search import WebSearch
from agent_runtime.worker.attempt_services import AttemptServices
from agent_runtime.worker.claim_loop import ClaimLoop
from agent_runtime.worker.claimed_task import ClaimedTask
from agent_runtime.worker.live_text import LiveText
from agent_runtime.worker.price_list import PriceList
from agent_runtime.worker.run_attempt import Attempt, run_attempt
from agent_runtime.worker.sandboxes import WorkerSandboxes

_WORKER_ID = "benchmark"


class Attempts:
    """`await run(number)` claims and runs until that many attempts have ended."""

    def __init__(self, database: Database, claiming: Database, commit: GroupCommit, concurrency: int) -> None:
        self._commit = commit
        self._concurrency = concurrency
        self._running: set[asyncio.Task[None]] = set()
        self._ended = 0
        self._wanted = 0
        self._done = asyncio.Event()
        self._services = AttemptServices(
            database=database,
            commit=commit,
            agents=AgentBuilder(Providers({}), ModelLimits(), dev_controls=True),
            prices=PriceList(database),
            live_text=LiveText(database),
            backoff=Backoff(1.0, 60.0),
            worker_id=_WORKER_ID,
            objects=MemoryObjects(),
            pages=SafeClient(PUBLIC_ONLY),
            search=WebSearch(),
            sandboxes=WorkerSandboxes(database, SandboxOptions(Path(".par"), {})),
        )
        self._claims = ClaimLoop(claiming, _WORKER_ID, "shared", free=self._free, start=self._start, poll_seconds=0.25)

    async def run(self, number: int) -> None:
        """Claim until `number` more attempts have ended."""
        self._done.clear()
        self._wanted = self._ended + number
        self._claims.wake()
        await self._done.wait()

    async def claim_for_ever(self) -> None:
        """The claim loop; it claims nothing while nobody waits in `run`."""
        await self._claims.run()

    def _free(self) -> int:
        return self._concurrency - len(self._running) if self._ended < self._wanted else 0

    def _start(self, claimed: ClaimedTask) -> None:
        running = asyncio.create_task(run_attempt(Attempt(claimed), self._services))
        self._running.add(running)
        self._commit.active = len(self._running)
        running.add_done_callback(self._over)

    def _over(self, running: asyncio.Task[None]) -> None:
        self._running.discard(running)
        self._commit.active = len(self._running)
        self._ended += 1
        if self._ended >= self._wanted:
            self._done.set()
        self._claims.wake()


@asynccontextmanager
async def open_attempts(url: str, concurrency: int) -> AsyncIterator[tuple[Attempts, Database]]:
    """The runner and the API's database for submissions."""
    options = PoolOptions(10, wait_seconds=30.0, application_name="par-benchmark")
    async with (
        Database(url, "par_worker", options) as database,
        Database(url, "par_worker", PoolOptions(1, wait_seconds=30.0, application_name="par-claim")) as claiming,
        Database(url, "par_api", PoolOptions(2, wait_seconds=30.0)) as api,
        GroupCommit(url, _WORKER_ID) as commit,
    ):
        attempts = Attempts(database, claiming, commit, concurrency)
        claims = asyncio.create_task(attempts.claim_for_ever())
        yield attempts, api
        claims.cancel()
        with suppress(asyncio.CancelledError):
            await claims
