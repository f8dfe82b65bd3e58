"""Gives tasks their sandboxes, pauses them while a task waits, ends them with the run, and sweeps what was left."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from uuid import uuid4

import structlog

from agent_runtime.artifacts.task_artifacts import TaskArtifacts
from agent_runtime.checkpointer.session import Session
from agent_runtime.config import Settings
from agent_runtime.domain.artifact import Direction
from agent_runtime.domain.errors import AgentRuntimeError, SandboxGone, TaskFailed
from agent_runtime.domain.sandbox import SandboxChoice
from agent_runtime.sandboxes.providers import SandboxOptions
from agent_runtime.sandboxes.sandbox import Sandbox
from agent_runtime.sandboxes.task_sandbox import Belongings, KeptFile, TaskSandbox
from agent_runtime.store import sandbox as store
from agent_runtime.store.database import Database, Row
from agent_runtime.store.flush import CallRow
from agent_runtime.store.sandbox import Owner
from agent_runtime.worker.claimed_task import ClaimedTask
from agent_runtime.worker.outcome import AskedHuman, Completed, Failed, Outcome, OverBudget

_log = structlog.get_logger("worker.sandboxes")
# Above every attempt: whoever sweeps may always use the sandbox.
_SWEEPER = 2**62
# Who settled a task has this long to destroy its sandbox.
_SETTLING_SECONDS = 3.0
# A worker that leaves waits this long at most; what it has not done another worker does.
_LEAVING_SECONDS = 3.0


@dataclass(frozen=True)
class SandboxPrices:
    """Microdollars for a second of one processor and of one GiB, of the provider that charges."""

    vcpu_second: float = 14.0
    gib_second: float = 4.5

    @classmethod
    def of_settings(cls, settings: Settings) -> "SandboxPrices":
        """As the operator has set them."""
        return cls(settings.sandbox_vcpu_price, settings.sandbox_gib_price)

    def of(self, sandbox: Sandbox, seconds: float) -> int:
        """What some seconds cost."""
        return round(seconds * (sandbox.vcpu * self.vcpu_second + sandbox.memory_mb / 1024 * self.gib_second))


@dataclass
class WorkerSandboxes:
    """One per worker."""

    database: Database
    options: SandboxOptions
    prices: SandboxPrices = SandboxPrices()
    _open: dict[tuple[str, int], TaskSandbox] = field(default_factory=dict)

    def open(
        self, stack: AsyncExitStack, task: ClaimedTask, choice: SandboxChoice, files: TaskArtifacts, session: Session
    ) -> TaskSandbox:
        """The sandbox of an attempt; the task has none before a tool needs it. Raises TaskFailed."""
        try:
            provider = self.options.provider(choice)
        except AgentRuntimeError as error:
            raise TaskFailed("sandbox_error", str(error), reason="sandbox_provision_failed") from error
        opened = TaskSandbox(
            self.database,
            provider,
            self.options.spec(choice),
            Owner(task.tenant_id, task.task_id, task.attempt),
            task.run_number,
            Belongings(lambda: _kept(files, "input"), lambda: _kept(files, "output")),
            lambda sandbox, seconds: self._charge(session, provider.name, sandbox, seconds),
        )
        provider.prepare(self.options.spec(choice))
        self._open[task.task_id, task.attempt] = opened
        stack.callback(opened.close)
        return opened

    async def before_settlement(self, task: ClaimedTask, outcome: Outcome) -> None:
        """A sandbox whose task is about to wait is paused; the wait may begin only then."""
        opened = self._open.get((task.task_id, task.attempt))
        if opened is not None and isinstance(outcome, AskedHuman | OverBudget):
            with _logged("pause"):
                await opened.pause()

    async def after_settlement(self, task: ClaimedTask, outcome: Outcome) -> None:
        """A sandbox whose run is over is destroyed; should that fail, the sweep does it."""
        opened = self._open.pop((task.task_id, task.attempt), None)
        if opened is not None and isinstance(outcome, Completed | Failed):
            with _logged("destroy"):
                await opened.destroy()

    async def sweep(self) -> int:
        """Destroy the sandboxes of tasks that have ended otherwise, and give how many."""
        return await self._sweep(_SETTLING_SECONDS)

    async def _sweep(self, seconds: float) -> int:
        anywhere = ["e2b"] if self.options.has_e2b_key else []
        rows = await store.take_over(self.database, socket.gethostname(), anywhere, seconds=seconds)
        for row in rows:
            with _logged("sweep"):
                await self._destroy(row)
                await store.ended(self.database, row["tenant_id"], str(row["task_id"]), row["sandbox_id"])
        return len(rows)

    async def sweep_remains(self) -> int:
        """Remove what killed keepers have left on this host, and give how many."""
        return await self.options.local.sweep()

    async def close(self) -> None:
        """The worker leaves, perhaps as the last: the sandboxes of ended tasks and what was only prepared end with it.

        Those of tasks that have not ended go on for the next worker.
        """
        with _logged("last sweep"):
            async with asyncio.timeout(_LEAVING_SECONDS):
                await self.options.local.close()
                await self._sweep(0.0)

    async def _destroy(self, row: Row) -> None:
        choice = SandboxChoice(provider=row["provider"])
        if row["provider"] != "e2b" and row["host"] != socket.gethostname():
            return
        with contextlib.suppress(SandboxGone):
            provider = self.options.provider(choice)
            await (await provider.connect(row["sandbox_id"], self.options.spec(choice), _SWEEPER)).destroy()

    def _charge(self, session: Session, provider: str, sandbox: Sandbox, seconds: float) -> None:
        """A sandbox of this host costs nothing beyond the host."""
        cost = self.prices.of(sandbox, seconds) if provider == "e2b" else 0
        if cost > 0:
            session.add_call(
                CallRow(str(uuid4()), None, "sandbox", provider, "", 0, 0, 0, 0, cost, False, round(seconds * 1000)),
                None,
            )


async def _kept(files: TaskArtifacts, direction: Direction) -> Sequence[KeptFile]:
    return [KeptFile(each.filename, each.size_bytes, files.read(each)) for each in await files.list(direction)]


@contextlib.contextmanager
def _logged(what: str) -> Iterator[None]:
    try:
        yield
    except (AgentRuntimeError, OSError) as error:
        # A timeout is an OSError, and has no words of its own.
        _log.warning("sandbox_left_to_sweep", action=what, error=str(error) or type(error).__name__)
