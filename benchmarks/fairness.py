"""How long one agent's single task waits while another agent has flooded the queue, and how even the turns are."""

import asyncio
import json
from statistics import median

from agent_runtime.store.database import Database, PoolOptions
from benchmarks.bed import Bed, wait_for
from benchmarks.processes import running_workers
from benchmarks.seed import add_agent, submit
from benchmarks.table import Bar, Table, percentile

_FLOOD = 10_000
_WORKERS = 2
_SINGLES = 15
_EVERY_SECONDS = 1.0
_COMPETING = 600
_HALF_A_SECOND = json.dumps({"script": [{"text": "done", "latency_seconds": 0.5}]})
_WAITS = """
select extract(epoch from a.claimed_at - t.created_at)::float as seconds
from par.attempts a join par.tasks t using (tenant_id, task_id) where t.agent_id = %(agent)s and a.attempt = 1
"""
_SHARES = """
select agent_id, count(*) as tasks from (
    select agent_id from par.attempts where agent_id like 'even-%%' order by claimed_at limit %(first)s) a
group by agent_id
"""


async def run(bed: Bed, repeats: int) -> Table:
    """A flood of tasks, then one task of another agent every second; after it three agents with as many tasks each."""
    url = bed.database()
    for agent_id in ("flood", "single", "even-a", "even-b", "even-c"):
        add_agent(url, agent_id)
    setting = f"{_FLOOD:,} queued tasks of 0.5 s of one agent, {_WORKERS} workers of 100 tasks, every slot taken."
    table = Table("fairness", setting)
    async with Database(url, "par_api", PoolOptions(4)) as api:
        with running_workers(url, _WORKERS):
            await submit(api, [_HALF_A_SECOND] * _FLOOD, "flood")
            await asyncio.to_thread(wait_for, lambda: _running(url) >= _WORKERS * 90, "every slot is taken", 20)
            for _ in range(_SINGLES):
                await submit(api, [_HALF_A_SECOND], "single")
                await asyncio.sleep(_EVERY_SECONDS)
            left = _queued(url)
            waits = [row["seconds"] for row in Bed.rows(url, _WAITS, {"agent": "single"})]
            Bed.rows(url, "delete from par.queue")
            for agent_id in ("even-a", "even-b", "even-c"):
                await submit(api, [_HALF_A_SECOND] * (_COMPETING // 3), agent_id)
            await asyncio.to_thread(wait_for, lambda: not _queued(url), "the three agents are through", 30)
    table.add("single task of another agent: created → running, median", "s", median(waits))
    table.add("the same, the longest", "s", max(waits), bar=Bar(most=2.0))
    table.add("the same, p95", "s", percentile(waits, 0.95))
    table.add("single tasks that ran during the flood", "tasks", len(waits), bar=Bar(least=_SINGLES))
    table.add("flood still queued at the end", "tasks", left)
    shares = [row["tasks"] for row in Bed.rows(url, _SHARES, {"first": _COMPETING // 2})]
    share = max(shares) / (sum(shares) / 3)
    table.add("three equal agents, first half of the claims: largest share", "of a fair one", share, bar=Bar(most=1.6))
    bed.drop(url)
    return table


def _running(url: str) -> int:
    return int(Bed.rows(url, "select count(*) as n from par.attempts where ended_at is null")[0]["n"])


def _queued(url: str) -> int:
    return int(Bed.rows(url, "select count(*) as n from par.queue")[0]["n"])
