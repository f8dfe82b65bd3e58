"""Starts keepers, and keeps one beforehand for each kind of sandbox that tasks ask for."""

import asyncio
import contextlib
import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from agent_runtime.sandboxes.keeper import remove_folder
from agent_runtime.sandboxes.sandbox import SandboxSpec

_KEEPER = "import sys; sys.path.insert(0, {source!r}); from agent_runtime.sandboxes.keeper import main; main()"
_SOURCE = str(Path(__file__).parents[2])
_START_SECONDS = 20.0
# A spare costs some 13 MB: one each of the kinds that were asked for last.
_MOST_SPARES = 2


class KeeperProcess:
    """A keeper whose sandbox is up and belongs to nobody yet: it ends with this process, or when it is let go."""

    def __init__(self, orders: dict[str, Any]) -> None:
        """Start it, in a session of its own with an empty environment. Raises OSError."""
        self._folder = Path(orders["folder"])
        self._line, other_end = socket.socketpair()
        self._line.settimeout(_START_SECONDS)
        self._log: IO[bytes] = (self._folder / "keeper.log").open("w+b")
        command = [orders["python"], "-I", "-S", "-c", _KEEPER.format(source=_SOURCE)]
        try:
            with other_end:
                # What is started here leaves at once, and the keeper is nobody's child.
                subprocess.run(
                    command,
                    stdin=other_end.fileno(),
                    stdout=self._log,
                    stderr=self._log,
                    env={},
                    timeout=_START_SECONDS,
                    start_new_session=True,
                    check=True,
                )
            self._say(orders, b"ready\n")
        except (OSError, subprocess.SubprocessError):
            self.let_go()
            # Without its folder a keeper ends by itself.
            remove_folder(str(self._folder))
            raise

    def take(self, folder: Path, attempt: int) -> None:
        """Make it a task's: it moves to that folder and lives on by itself. Raises OSError."""
        try:
            self._say({"folder": str(folder), "attempt": attempt}, b"taken\n")
        finally:
            self.let_go()

    def let_go(self) -> None:
        """Drop the line to it; one that nobody has taken ends."""
        self._line.close()
        self._log.close()

    def _say(self, what: dict[str, Any], expected: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            self._line.sendall(json.dumps(what).encode() + b"\n")
            with self._line.makefile("rb") as answers:
                if answers.readline() == expected:
                    return
        raise OSError(0, self._last_words())

    def _last_words(self) -> str:
        """What bubblewrap complained of and what ended the keeper, which has removed its folder by now."""
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        told = [line for line in lines if line.startswith("bwrap:")] + lines[-1:]
        return " / ".join(told)[-500:] or "the keeper ended without a word"


class Spares:
    """Keepers started before a task needs them. `start` starts one; it may take its time and is called in a thread."""

    def __init__(self, start: Callable[[SandboxSpec], KeeperProcess]) -> None:
        self._start = start
        self._waiting: dict[SandboxSpec, asyncio.Task[KeeperProcess]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def prepare(self, spec: SandboxSpec) -> None:
        """Have one of that kind, unless there is one."""
        waiting = self._waiting.pop(spec, None)
        self._waiting[spec] = self._begun(spec) if waiting is None or _has_failed(waiting) else waiting
        while len(self._waiting) > _MOST_SPARES:
            self._drop(self._waiting.pop(next(iter(self._waiting))))

    async def take(self, spec: SandboxSpec, folder: Path, attempt: int) -> None:
        """Give one of that kind to a task, and begin the next when one was prepared. Raises what `start` raises."""
        prepared = self._waiting.pop(spec, None)
        if prepared is None or not await self._works(prepared, folder, attempt):
            await self._give(self._begun(spec), folder, attempt)
        if prepared is not None:
            self.prepare(spec)

    async def _works(self, prepared: "asyncio.Task[KeeperProcess]", folder: Path, attempt: int) -> bool:
        try:
            await self._give(prepared, folder, attempt)
        except (OSError, ImportError, subprocess.SubprocessError):
            return False
        return True

    async def _give(self, waiting: "asyncio.Task[KeeperProcess]", folder: Path, attempt: int) -> None:
        try:
            await asyncio.wait({waiting})
        except asyncio.CancelledError:
            self._drop(waiting)
            raise
        await asyncio.to_thread(waiting.result().take, folder, attempt)

    def _begun(self, spec: SandboxSpec) -> "asyncio.Task[KeeperProcess]":
        return asyncio.create_task(asyncio.to_thread(self._start, spec))

    async def close(self) -> None:
        """End all that nobody has taken."""
        while self._waiting:
            self._drop(self._waiting.popitem()[1])
        await asyncio.gather(*self._leaving)

    def _drop(self, waiting: "asyncio.Task[KeeperProcess]") -> None:
        leaving = asyncio.create_task(_let_go(waiting))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)


def _has_failed(waiting: "asyncio.Task[KeeperProcess]") -> bool:
    return waiting.done() and (waiting.cancelled() or waiting.exception() is not None)


async def _let_go(waiting: "asyncio.Task[KeeperProcess]") -> None:
    await asyncio.wait({waiting})
    if not _has_failed(waiting):
        waiting.result().let_go()
