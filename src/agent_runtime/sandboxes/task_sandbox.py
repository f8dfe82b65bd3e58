"""The sandbox of one task as its tools see it: made when first needed, found again by the next worker, made again once.

A sandbox is a cache. What must last is in the artifacts: from a task's input files and its exported ones a lost sandbox
is made again, and the model is told in the next result.
"""

import asyncio
import contextlib
import socket
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from agent_runtime.domain.errors import LeaseLost, SandboxFailed, SandboxGone, SandboxUnavailable, TaskFailed
from agent_runtime.sandboxes.sandbox import INPUT_FOLDER, Sandbox, SandboxProvider, SandboxSpec
from agent_runtime.store import sandbox as store
from agent_runtime.store.database import Database, Row
from agent_runtime.store.sandbox import Owner

_log = structlog.get_logger("sandbox")
T = TypeVar("T")
_TRIES = 3
_FIRST_WAIT_SECONDS = 0.5
_COUNT_SECONDS = 30.0
_COUNT = "find . -xdev -type f -printf x | wc -c"
_MADE_AGAIN = (
    "[The sandbox was lost and has been made again. It holds only the files given with the task (under input/) and"
    " those that were exported; every other file and every process is gone.]"
)
_NEW_RUN = (
    "[This run has a new sandbox. It holds only the files given with the task (under input/) and those that were"
    " exported; every other file and every process of the earlier run is gone.]"
)


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of the task that lies outside the sandbox."""

    name: str
    size: int
    content: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Belongings:
    """What a new sandbox is filled from: the task's input files, and what it has exported."""

    inputs: Callable[[], Awaitable[Sequence[KeptFile]]]
    outputs: Callable[[], Awaitable[Sequence[KeptFile]]]


@dataclass
class TaskSandbox:
    """Used by one attempt. `charge` takes the seconds that it was in use and what they cost (vcpu and memory given)."""

    database: Database
    provider: SandboxProvider
    spec: SandboxSpec
    owner: Owner
    run_number: int
    belongings: Belongings
    charge: Callable[[Sandbox, float], None]
    _sandbox: Sandbox | None = None
    _times_made: int = 0
    _notice: str | None = None
    _charged_until: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _kept_alive: "asyncio.Task[None] | None" = None

    # For tools

    async def run(self, work: Callable[[Sandbox], Awaitable[T]], *, repeatable: bool) -> T:
        """Do something in the sandbox; when it is lost meanwhile, what is `repeatable` is done in the new one.

        Raises SandboxFailed, TaskFailed (`sandbox_lost`, `sandbox_provision_failed`), LeaseLost.
        """
        sandbox = await self._ready()
        try:
            return await work(sandbox)
        except SandboxGone as error:
            again = await self._replace(sandbox)
            if repeatable or error.untouched:
                return await work(again)
            raise SandboxFailed("the sandbox was lost during this call, which may or may not have run") from error
        except SandboxFailed as error:
            if error.kind == "superseded":
                raise LeaseLost(self.owner.task_id, self.owner.attempt, "another attempt uses its sandbox") from error
            raise
        finally:
            self._charge()

    def take_notice(self) -> str | None:
        """What the model has to know of its sandbox, once."""
        notice, self._notice = self._notice, None
        return notice

    async def exported(self, filename: str, path: str) -> None:
        """Remember where an exported file lay."""
        await store.add_export(self.database, self.owner, filename, path)

    # For the worker

    async def pause(self) -> None:
        """The task is about to wait: its sandbox stops, and what it holds is noted."""
        sandbox = self._sandbox
        if sandbox is None:
            sandbox = await self._connected(await store.get(self.database, self.owner))
        if sandbox is None:
            return
        with contextlib.suppress(SandboxFailed):
            files = await _count(sandbox)
            await sandbox.pause()
            await store.set_state(self.database, self.owner, sandbox.sandbox_id, "paused", files)
        self.close()

    async def destroy(self) -> None:
        """The run is over."""
        row = await store.get(self.database, self.owner)
        self.close()
        if row is None or row["state"] == "ended":
            return
        with contextlib.suppress(SandboxGone):
            sandbox = self._sandbox or await self.provider.connect(row["sandbox_id"], self.spec, self.owner.attempt)
            await sandbox.destroy()
        await store.ended(self.database, self.owner.tenant_id, self.owner.task_id, row["sandbox_id"])

    def close(self) -> None:
        """The attempt is over; the sandbox stays."""
        self._charge()
        if self._kept_alive is not None:
            self._kept_alive.cancel()
            self._kept_alive = None

    # Within

    async def _ready(self) -> Sandbox:
        async with self._lock:
            if self._sandbox is None:
                row = await store.get(self.database, self.owner)
                found = await self._connected(row)
                if found is not None:
                    self._use(found)
                else:
                    await self._make(row)
            assert self._sandbox is not None  # noqa: S101 - one of the two has set it
            return self._sandbox

    async def _connected(self, row: Row | None) -> Sandbox | None:
        """The sandbox of an earlier attempt of this run; None when it is gone, or only half there."""
        if row is None or row["state"] in ("creating", "ending", "ended") or row["run_number"] != self.run_number:
            return None
        if row["provider"] != self.provider.name:
            return None
        self._times_made = row["times_made"]
        try:
            sandbox = await self.provider.connect(row["sandbox_id"], self.spec, self.owner.attempt)
            if row["state"] == "paused":
                if row["files"] is not None and await _count(sandbox) < row["files"]:
                    _log.warning("sandbox_half_empty", sandbox_id=row["sandbox_id"])
                    await sandbox.destroy()
                    return None
                await store.set_state(self.database, self.owner, sandbox.sandbox_id, "running")
        except SandboxGone:
            return None
        return sandbox

    async def _make(self, row: Row | None) -> None:
        """A sandbox where there is none (any more)."""
        await self._forget(row)
        self._times_made = max(self._times_made, _times_lost(row, self.run_number))
        if self._times_made >= 2:
            message = "the sandbox was lost twice: what the task had in it cannot be relied on"
            raise TaskFailed("sandbox_error", message, reason="sandbox_lost")
        sandbox = await self._provision(self._times_made + 1)
        await self._fill(sandbox, row["exports"] if row is not None else {})
        await self._note(sandbox.sandbox_id, "running", self._times_made + 1)
        self._times_made += 1
        if self._times_made > 1:
            self._notice = _MADE_AGAIN
        elif row is not None and row["state"] != "creating":
            self._notice = _NEW_RUN
        self._use(sandbox)

    async def _forget(self, row: Row | None) -> None:
        """What a dead worker was making, or what an earlier run has left, is not left running."""
        if row is not None and row["state"] != "ended" and row["provider"] == self.provider.name:
            with contextlib.suppress(SandboxFailed):
                left = await self.provider.connect(row["sandbox_id"], self.spec, self.owner.attempt)
                await left.destroy()

    async def _provision(self, times_made: int) -> Sandbox:
        """A new, empty sandbox, after some tries. Its row comes first, so that no crash leaves one unknown."""
        wait = _FIRST_WAIT_SECONDS
        for attempt in range(1, _TRIES + 1):
            name = uuid.uuid4().hex
            await self._note(name, "creating", times_made)
            try:
                return await self.provider.create(name, self.spec, self.owner.attempt)
            except SandboxUnavailable as error:
                _log.warning("sandbox_unavailable", provider=self.provider.name, tried=attempt, error=str(error))
                if attempt == _TRIES:
                    message = f"no sandbox could be had after {_TRIES} tries, the last: {error}"
                    raise TaskFailed("sandbox_error", message, reason="sandbox_provision_failed") from error
            await asyncio.sleep(wait)
            wait *= 2
        raise AssertionError("the last try returns or raises")

    async def _note(self, sandbox_id: str, state: str, times_made: int) -> None:
        facts = {"provider": self.provider.name, "sandbox_id": sandbox_id, "host": socket.gethostname()}
        await store.put(self.database, self.owner, **facts, state=state, times_made=times_made)

    async def _fill(self, sandbox: Sandbox, places: "dict[str, str]") -> None:
        for file in await self.belongings.inputs():
            await sandbox.write(f"{INPUT_FOLDER}/{file.name}", file.content, file.size)
        for file in await self.belongings.outputs() if places else ():
            if file.name in places:
                await sandbox.write(places[file.name], file.content, file.size)

    async def _replace(self, lost: Sandbox) -> Sandbox:
        async with self._lock:
            if self._sandbox is lost:
                self.close()
                self._sandbox = None
                await self._make(await store.get(self.database, self.owner))
            assert self._sandbox is not None  # noqa: S101 - it was replaced, here or by another call
            return self._sandbox

    def _use(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._charged_until = time.monotonic()
        self._kept_alive = asyncio.create_task(self._keep_alive(sandbox))

    async def _keep_alive(self, sandbox: Sandbox) -> None:
        while True:
            await asyncio.sleep(self.spec.timeout_seconds / 3)
            with contextlib.suppress(SandboxFailed):
                await sandbox.keep_alive()

    def _charge(self) -> None:
        if self._sandbox is not None:
            now = time.monotonic()
            self.charge(self._sandbox, now - self._charged_until)
            self._charged_until = now


def _times_lost(row: Row | None, run_number: int) -> int:
    """How many sandboxes the run has used up; one that was never finished is none."""
    if row is None or row["run_number"] != run_number:
        return 0
    made: int = row["times_made"]
    return made - 1 if row["state"] == "creating" else made


async def _count(sandbox: Sandbox) -> int:
    """How many files its working directory holds."""
    return int((await sandbox.exec(_COUNT, _COUNT_SECONDS)).stdout.text.strip() or 0)
