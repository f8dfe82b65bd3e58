"""From the submission of a task to its being run, on an idle system: an API and a worker as real processes."""

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from benchmarks.bed import Bed
from benchmarks.http_client import Client
from benchmarks.processes import running_api, running_workers
from benchmarks.seed import AGENT, add_agent
from benchmarks.table import Bar, Table, percentile

_TASKS = 100
# Idle: longer than any pause between two hints. Steady: about ten tasks a second, one after the other.
_IDLE_SECONDS = 0.35
_STEADY_SECONDS = 0.01
_WARM_UP = 10
# Long enough to be seen running.
_INPUT = json.dumps({"script": [{"text": "done", "latency_seconds": 0.08}]})
_BODY = json.dumps({"agent_id": AGENT, "input": _INPUT}).encode()


async def run(bed: Bed, repeats: int) -> Table:
    """One task at a time: first with the system idle before each, then one right after the other."""
    url = bed.database()
    add_agent(url)
    with running_workers(url, 1), running_api(url) as port:
        async with Client(port) as submitter, Client(port) as reader:
            await _series(submitter, reader, _WARM_UP, _STEADY_SECONDS)
            idle = await _series(submitter, reader, _TASKS, _IDLE_SECONDS)
            steady = await _series(submitter, reader, _TASKS, _STEADY_SECONDS)
    claimed = [
        row["ms"]
        for row in Bed.rows(
            url,
            "select extract(epoch from a.claimed_at - t.created_at)::float * 1000 as ms from par.attempts a"
            " join par.tasks t using (tenant_id, task_id) order by t.created_at",
        )
    ][_WARM_UP:]
    bed.drop(url)
    setting = f"{_TASKS} tasks over HTTP, one at a time, one API and one worker process, default settings."
    table = Table("latency", setting)
    table.add("submit → running, idle, median", "ms", median(claimed[:_TASKS]), bar=Bar(most=5.0))
    table.add("submit → running, idle, p95", "ms", percentile(claimed[:_TASKS], 0.95), bar=Bar(most=10.0))
    table.add("request sent → running, idle, median", "ms", median(one.running for one in idle))
    table.add("request sent → running, idle, p95", "ms", percentile([one.running for one in idle], 0.95))
    table.add("request sent → answered 201, idle, median", "ms", median(one.answered for one in idle))
    table.add("submit → running, ten a second, median", "ms", median(claimed[_TASKS:]))
    table.add("request sent → running, ten a second, p95", "ms", percentile([one.running for one in steady], 0.95))
    return table


@dataclass(frozen=True)
class _Seen:
    """Milliseconds from the sending of a request until its answer, and until its task runs."""

    answered: float
    running: float


async def _series(submitter: Client, reader: Client, tasks: int, pause: float) -> list[_Seen]:
    seen = []
    for _ in range(tasks):
        sent = time.time()
        task_id = (await submitter.post("/v1/tasks", _BODY))["task_id"]
        answered = time.time()
        started = await _started(reader, task_id)
        seen.append(_Seen((answered - sent) * 1000, (started - sent) * 1000))
        await asyncio.sleep(pause)
    return seen


async def _started(reader: Client, task_id: str) -> float:
    """The task's started_at once it is no longer queued, in seconds since 1970."""
    while True:
        task = await reader.get(f"/v1/tasks/{task_id}")
        if task["status"] != "queued" and task["started_at"]:
            return datetime.fromisoformat(task["started_at"]).timestamp()
        await asyncio.sleep(0.005)
