"""Five hundred tasks at once in one worker, each with a model that takes 2 to 30 seconds."""

import asyncio
import json
import random
import time
from itertools import pairwise
from pathlib import Path

from agent_runtime.store.database import Database
from benchmarks.bed import Bed
from benchmarks.processes import running_workers
from benchmarks.seed import add_agent, submit
from benchmarks.table import Bar, Table

_TASKS = 500
_LIMIT_SECONDS = 120.0
_BEAT_SECONDS = 1.0


async def run(bed: Bed, repeats: int) -> Table:
    """One round: submit all, wait for all, watching memory and the heartbeat."""
    url = bed.database()
    add_agent(url)
    pick = random.Random(1)
    inputs = [
        json.dumps({"script": [{"tool": "calculator", "args": {"expression": "2 + 2"}, "latency_seconds": wait / 2},
                               {"text": "done", "latency_seconds": wait / 2}]})
        for wait in (pick.uniform(2, 30) for _ in range(_TASKS))
    ]  # fmt: skip
    with running_workers(url, 1, max_concurrent_tasks=_TASKS) as (worker,):
        async with Database(url, "par_api") as api:
            await submit(api, inputs)
        most_running, gap = await asyncio.to_thread(_watch, url)
        peak = _peak_bytes(worker.pid)
    completed = bed.value(url, "select count(*) from par.tasks where status = 'completed' and attempt = 1")
    bed.drop(url)
    setting = f"{_TASKS} tasks in one worker (PAR_MAX_CONCURRENT_TASKS={_TASKS}), 2 to 30 s of model time each."
    table = Table("capacity", setting)
    table.add("tasks completed at their first attempt", "tasks", completed, bar=Bar(least=_TASKS))
    table.add("most tasks running at once", "tasks", most_running)
    table.add("peak memory of the worker", "MiB", peak / 2**20, bar=Bar(most=1024))
    table.add("longest time between two heartbeats", "s", gap, bar=Bar(most=2 * _BEAT_SECONDS))
    return table


def _watch(url: str) -> tuple[int, float]:
    """The most tasks seen running, and the longest gap between beats, until nothing is queued or running."""
    deadline = time.monotonic() + _LIMIT_SECONDS
    most, beats = 0, set()
    while time.monotonic() < deadline:
        (row,) = Bed.rows(
            url,
            "select extract(epoch from last_heartbeat_at)::float as beat,"
            " (select count(*) from par.attempts where ended_at is null) as running,"
            " (select count(*) from par.queue) as queued from par.worker_sessions",
        )
        beats.add(row["beat"])
        most = max(most, row["running"])
        if most and not row["running"] and not row["queued"]:
            break
        time.sleep(0.2)
    ordered = sorted(beats)
    return most, max(after - before for before, after in pairwise(ordered))


def _peak_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
