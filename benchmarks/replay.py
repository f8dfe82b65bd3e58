"""A reader of one task's stream from its beginning, who looks whether anything is missing."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

_LOOK_AT_MEMORY = 1_000
_STANDSTILL_SECONDS = 30.0


@dataclass(frozen=True)
class Replay:
    """How many entries came, each one place after the one before; how long it took, and the most memory meanwhile."""

    in_order: int
    seconds: float
    memory_mb: float


async def first_entry(port: int, path: str) -> float:
    """Milliseconds from the request to the first entry. Raises RuntimeError when none comes."""
    began = time.perf_counter()
    async with aclosing(_places(port, path)) as places:
        async for _ in places:
            return (time.perf_counter() - began) * 1000
    raise RuntimeError(f"{path} ended without an entry")


async def replay(port: int, path: str, pid: int) -> Replay:
    """Read all entries of a task that has ended, from the API process `pid`."""
    before = most = resident_mb(pid)
    began, last = time.perf_counter(), 0
    async with aclosing(_places(port, path)) as places:
        async for place in places:
            if place != last + 1:
                break
            last = place
            if last % _LOOK_AT_MEMORY == 0:
                most = max(most, resident_mb(pid))
    return Replay(last, time.perf_counter() - began, most - before)


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


async def _places(port: int, path: str) -> AsyncGenerator[int, None]:
    """The ids of a stream's entries, until its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode())
        while line := await asyncio.wait_for(reader.readline(), _STANDSTILL_SECONDS):
            if line.startswith(b"id: "):
                yield int(line[4:])
            elif line.startswith(b"event: end"):
                return
    finally:
        writer.close()
