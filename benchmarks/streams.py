"""Five hundred open streams on one API process: what they cost while nothing happens, and how late an event arrives."""

import asyncio
import os
import time
from pathlib import Path

from benchmarks.bed import Bed
from benchmarks.processes import running_api_process
from benchmarks.seed import add_agent
from benchmarks.table import Bar, Table, percentile

_STREAMS = 500
_IDLE_SECONDS = 8.0
_BUSY_SECONDS = 10.0
_EVENTS_EACH_TIME = 50
_TICKS = os.sysconf("SC_CLK_TCK")
_TASKS = """
insert into par.tasks (tenant_id, task_id, agent_id, config_version, status, attempt, last_sequence)
select 'default', gen_random_uuid(), 'agent', 1, 'running', 1, 1 from generate_series(1, %(streams)s)
returning task_id::text
"""
_ATTEMPTS = """
insert into par.attempts (tenant_id, task_id, attempt, run_number, agent_id, worker_id, claimed_at, last_sequence)
select tenant_id, task_id, 1, 1, agent_id, 'w', now(), 1 from par.tasks
"""
# An event for each of some tasks, committed together, with the time of its writing in its text.
_TELL = """
with told as (
    update par.attempts set last_sequence = last_sequence + 1 where task_id = any (%(task_ids)s::uuid[])
    returning tenant_id, task_id, last_sequence
)
insert into par.events (tenant_id, task_id, sequence, kind, agent_id, event_type, error_message, created_at)
select tenant_id, task_id, last_sequence, 'event', 'agent', 'task_claimed', %(at)s, now() from told
"""


async def run(bed: Bed, repeats: int) -> Table:
    """Open the streams, let them stand, then write fifty events at a time, five times a second."""
    url = bed.database()
    add_agent(url)
    ids = [row["task_id"] for row in Bed.rows(url, _TASKS, {"streams": _STREAMS})]
    Bed.rows(url, _ATTEMPTS)
    table = Table(
        "streams", f"{_STREAMS} open streams of as many running tasks on one API process, one reader process."
    )
    with running_api_process(url) as (port, pid):
        before = _memory(pid)
        readers = [_Reader() for _ in ids]
        running = [
            asyncio.create_task(reader.read(port, task_id)) for reader, task_id in zip(readers, ids, strict=True)
        ]
        await asyncio.sleep(4.0)
        opened = sum(reader.opened for reader in readers)
        idle, idle_database = await _cpu(bed, pid, _IDLE_SECONDS)
        written = await _write(url, ids)
        await asyncio.sleep(1.5)
        table.add("streams that are open", "streams", opened, bar=Bar(least=_STREAMS))
        table.add("memory of the process for each", "KB", (_memory(pid) - before) / _STREAMS, bar=Bar(most=200))
        table.add("CPU of the process while nothing happens", "% of a core", idle, bar=Bar(most=30))
        table.add("PostgreSQL's CPU while nothing happens", "% of a core", idle_database, bar=Bar(most=30))
        late = [delay for reader in readers for delay in reader.delays]
        table.add(f"commit → received, median of {written:,} events", "ms", percentile(late, 0.5))
        table.add("commit → received, p95", "ms", percentile(late, 0.95), bar=Bar(most=500))
        table.add("events that did not arrive", "events", written - len(late), bar=Bar(most=0))
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    bed.drop(url)
    return table


async def _write(url: str, ids: list[str]) -> int:
    written = 0
    end = time.monotonic() + _BUSY_SECONDS
    while time.monotonic() < end:
        chosen = [ids[(written + place) % len(ids)] for place in range(_EVENTS_EACH_TIME)]
        await asyncio.to_thread(Bed.rows, url, _TELL, {"task_ids": chosen, "at": f"at={time.time():.6f};"})
        written += len(chosen)
        await asyncio.sleep(0.2)
    return written


async def _cpu(bed: Bed, pid: int, seconds: float) -> tuple[float, float]:
    began, database = _ticks(pid), bed.cpu_seconds()
    await asyncio.sleep(seconds)
    return 100 * (_ticks(pid) - began) / seconds, 100 * (bed.cpu_seconds() - database) / seconds


def _ticks(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory(pid: int) -> float:
    """Resident memory in KB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


class _Reader:
    """Reads one stream and notes how late each event was."""

    def __init__(self) -> None:
        self.opened = False
        self.delays: list[float] = []

    async def read(self, port: int, task_id: str) -> None:
        """Until cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"GET /v1/tasks/{task_id}/stream HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode())
            self.opened = b" 200 " in await reader.readline()
            while line := await reader.readline():
                _, found, rest = line.partition(b'"error_message":"at=')
                if found:
                    self.delays.append((time.time() - float(rest.split(b";", 1)[0])) * 1000)
        finally:
            writer.close()
