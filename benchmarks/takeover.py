"""kill -9 of a working worker, until its task runs on another one; default settings."""

import asyncio
import json
import signal
import subprocess
import time
from statistics import median
from typing import Any

from agent_runtime.domain.lease import QUIET_SECONDS_AFTER_DATABASE_START
from agent_runtime.store.database import Database
from benchmarks.bed import Bed, wait_for
from benchmarks.processes import online, start, stop
from benchmarks.seed import add_agent, submit
from benchmarks.table import Bar, Table

_KILLS = 20
_WORKERS = 3
_INPUT = json.dumps({"script": [{"text": "done", "latency_seconds": 2.5}]})


async def run(bed: Bed, repeats: int) -> Table:
    """Twenty kills, each of the worker that runs the newest task; a fresh worker takes the dead one's place."""
    url = bed.database()
    add_agent(url)
    await asyncio.sleep(QUIET_SECONDS_AFTER_DATABASE_START)
    workers: dict[str, subprocess.Popen[bytes]] = {}
    seconds: list[float] = []
    try:
        async with Database(url, "par_api") as api:
            for number in range(_KILLS):
                await asyncio.to_thread(_fill_up, url, workers, number)
                (task_id,) = await submit(api, [_INPUT])
                seconds.append(await asyncio.to_thread(_kill_and_wait, url, workers, task_id))
    finally:
        for worker in workers.values():
            stop(worker)
    bed.drop(url)
    setting = f"{_KILLS} times kill -9 of one of {_WORKERS} workers while it runs a task, default settings."
    table = Table("takeover", setting)
    table.add("kill -9 → running elsewhere, the longest", "s", max(seconds), bar=Bar(most=1.0))
    table.add("kill -9 → running elsewhere, median", "s", median(seconds))
    return table


def _fill_up(url: str, workers: dict[str, "subprocess.Popen[bytes]"], number: int) -> None:
    for place in range(_WORKERS - len(workers)):
        name = f"w{number}-{place}"
        workers[name] = start("agent_runtime.worker", url, worker_id=name)
    wait_for(lambda: online(url) == _WORKERS, f"{_WORKERS} workers online", 40)


def _kill_and_wait(url: str, workers: dict[str, "subprocess.Popen[bytes]"], task_id: str) -> float:
    first = wait_for(lambda: _attempt(url, task_id, 1), "the task runs", 10)
    victim = workers.pop(first["worker_id"])
    killed = time.time()
    victim.send_signal(signal.SIGKILL)
    second = wait_for(lambda: _attempt(url, task_id, 2), "the task runs elsewhere", 45)
    victim.wait()
    return float(second["claimed"]) - killed


def _attempt(url: str, task_id: str, attempt: int) -> Any:
    rows = Bed.rows(
        url,
        "select worker_id, extract(epoch from claimed_at)::float as claimed from par.attempts"
        " where task_id = %(task_id)s and attempt = %(attempt)s",
        {"task_id": task_id, "attempt": attempt},
    )
    return rows[0] if rows else None
