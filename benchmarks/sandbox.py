"""A local sandbox: making one, a command in it beside the same command without walls, and ending it."""

import asyncio
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from statistics import median

from agent_runtime.sandboxes.local import LocalSandboxes
from agent_runtime.sandboxes.sandbox import Sandbox, SandboxSpec
from benchmarks.bed import Bed
from benchmarks.table import Bar, Table

_COMMANDS = 20
_COMMAND = "echo done"


async def run(bed: Bed, repeats: int) -> Table:
    """Each repeat makes one sandbox, runs commands in it and ends it; the peers run in the same turns."""
    table = Table("sandbox", f"{_COMMANDS} commands (`{_COMMAND}`) one after the other in each of {repeats} sandboxes.")
    made, commands, ended, bare, python = [], [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        provider = LocalSandboxes(Path(folder))
        for _ in range(repeats):
            python.append(await _milliseconds(lambda: _program(sys.executable, "-c", "")))
            bare += [await _milliseconds(lambda: _program("bash", "-c", _COMMAND)) for _ in range(_COMMANDS)]
            began = time.perf_counter()
            sandbox = await provider.create(uuid.uuid4().hex, SandboxSpec(timeout_seconds=60), 1)
            made.append((time.perf_counter() - began) * 1000)
            commands += [await _milliseconds(partial(_command, sandbox)) for _ in range(_COMMANDS)]
            ended.append(await _milliseconds(sandbox.destroy))
    table.add("a command", "ms", median(commands), peer=median(bare), peer_name="bash without walls")
    table.add("a command, over bash's", "ms", median(commands) - median(bare), bar=Bar(most=50))
    table.add("a new sandbox", "ms", median(made), bar=Bar(most=50), peer=median(python), peer_name="an empty Python")
    table.add("its end", "ms", median(ended))
    return table


async def _command(sandbox: Sandbox) -> None:
    result = await sandbox.exec(_COMMAND, 30)
    assert result.exit_code == 0


async def _program(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0


async def _milliseconds(act: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await act()
    return (time.perf_counter() - began) * 1000
