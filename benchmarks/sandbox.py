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
_SPEC = SandboxSpec(timeout_seconds=60)


async def run(bed: Bed, repeats: int) -> Table:
    """Each repeat makes two sandboxes, the second with one prepared as attempts do at their start; runs commands in it
    and ends it. The peers run in the same turns.
    """
    table = Table("sandbox", f"{_COMMANDS} commands (`{_COMMAND}`) one after the other in each of {repeats} sandboxes.")
    cold, prepared, bare, python = [], [], [], []
    commands: list[float] = []
    ended: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeats):
            python.append(await _milliseconds(lambda: _program(sys.executable, "-c", "")))
            bare += [await _milliseconds(lambda: _program("bash", "-c", _COMMAND)) for _ in range(_COMMANDS)]
            provider = LocalSandboxes(Path(folder))
            cold.append(await _one(provider, [], ended))
            provider.prepare(_SPEC)
            # As long as the first answer of a quick model.
            await asyncio.sleep(0.5)
            prepared.append(await _one(provider, commands, ended))
            await provider.close()
    table.add("a command", "ms", median(commands), peer=median(bare), peer_name="bash without walls")
    table.add("a command, over bash's", "ms", median(commands) - median(bare), bar=Bar(most=50))
    table.add("a new sandbox", "ms", median(each[0] for each in prepared), bar=Bar(most=50))
    table.add("and its first command", "ms", median(each[1] for each in prepared))
    both = median(sum(each) for each in cold)
    table.add("both, none prepared", "ms", both, peer=median(python), peer_name="an empty Python")
    table.add("its end", "ms", median(ended))
    return table


async def _one(provider: LocalSandboxes, commands: list[float], ended: list[float]) -> tuple[float, float]:
    """Make a sandbox, use and end it, and give how long it and its first command took."""
    began = time.perf_counter()
    sandbox = await provider.create(uuid.uuid4().hex, _SPEC, 1)
    made = (time.perf_counter() - began) * 1000
    first = await _milliseconds(partial(_command, sandbox))
    commands += [await _milliseconds(partial(_command, sandbox)) for _ in range(_COMMANDS)]
    ended.append(await _milliseconds(sandbox.destroy))
    return made, first


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
