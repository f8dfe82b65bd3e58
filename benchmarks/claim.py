"""The claim of ten tasks beside a million finished ones, and what a held snapshot does to it."""

import gc
import json
import time
from statistics import median
from uuid import uuid4

import psycopg

from agent_runtime.domain.identifier import new_id
from agent_runtime.domain.task_lifecycle import Change, Move
from agent_runtime.store.database import Database, PoolOptions
from agent_runtime.store.task_lifecycle import transition
from agent_runtime.worker.claim_loop import ClaimLoop
from agent_runtime.worker.claimed_task import ClaimedTask
from benchmarks.bed import Bed
from benchmarks.seed import TENANT, add_agent
from benchmarks.table import Bar, Table

FINISHED = 1_000_000
_AGENTS = 20
_CAPACITY = 10
_CLAIMS_OF_TEN = 3000
_QUIET_CLAIMS = 300

# Made over the last thirty days, with ids that sort by time as the API makes them.
_FILL_TASKS = """
insert into par.tasks (tenant_id, task_id, agent_id, config_version, status, attempt, last_sequence, created_at,
    updated_at, started_at, completed_at, step_count, checkpoint_count)
select 'default', (lpad(to_hex((extract(epoch from made) * 1000)::bigint), 12, '0') || '7' || substr(noise, 1, 3) || '8'
        || substr(noise, 4, 15))::uuid,
    'agent-' || (n %% %(agents)s), 1, 'completed', 1, 3, made, made, made, made, 1, 2
from (
    select n, md5(n::text) as noise,
        now() - interval '1 day' - (%(tasks)s - n) * (interval '29 days' / %(tasks)s) as made
    from generate_series(1, %(tasks)s) n) one
"""
_FILL_ATTEMPTS = """
insert into par.attempts (tenant_id, task_id, attempt, run_number, agent_id, worker_id, claimed_at, ended_at, outcome,
    last_sequence, step_count)
select tenant_id, task_id, 1, 1, agent_id, 'old', created_at, created_at, 'complete', 3, 1 from par.tasks
"""
_FILL_RUNS = """
insert into par.runs (tenant_id, task_id, run_number, run_id, kind, input, status, steps, created_at, ended_at)
select tenant_id, task_id, 1, gen_random_uuid(), 'submit', 'hello', 'completed', 1, created_at, created_at
from par.tasks
"""
_FILL_LANES = """
insert into par.queue_lanes (tenant_id, agent_id, worker_pool_id, priority)
select tenant_id, agent_id, 'shared', 4 from par.agents
"""
_QUEUE_TASKS = """
insert into par.tasks (tenant_id, task_id, agent_id, config_version, status, last_sequence, created_at, updated_at)
select 'default', task_id, 'agent-' || (n %% %(agents)s), 1, 'queued', 1, now(), now()
from unnest(%(ids)s::uuid[]) with ordinality as q(task_id, n)
"""
_QUEUE_RUNS = """
insert into par.runs (tenant_id, task_id, run_number, run_id, kind, input, created_at)
select 'default', task_id, 1, gen_random_uuid(), 'submit', 'hello', now() from unnest(%(ids)s::uuid[]) as q(task_id)
"""
_QUEUE = """
insert into par.queue (tenant_id, task_id, agent_id, worker_pool_id, priority, enqueued_at)
select 'default', task_id, 'agent-' || (n %% %(agents)s), 'shared', 4,
    now() - (%(newest)s - n) * interval '1 millisecond'
from unnest(%(ids)s::uuid[]) with ordinality as q(task_id, n)
"""


async def run(bed: Bed, repeats: int) -> Table:
    """Claim and finish, first quietly, then 30,000 tasks under a snapshot that is held open elsewhere."""
    url = bed.database()
    fill_finished(bed, url)
    async with Database(url, "par_worker", PoolOptions(10)) as database:
        worker = _Claimer(database)
        _queue(url, (_QUIET_CLAIMS + 20) * _CAPACITY)
        await worker.claims(20)
        quiet = await worker.claims(_QUIET_CLAIMS)
        _queue(url, _CLAIMS_OF_TEN * _CAPACITY)
        with psycopg.connect(url) as holder:
            holder.execute("set transaction isolation level repeatable read")
            holder.execute("select count(*) from par.agents")
            held = await worker.claims(_CLAIMS_OF_TEN)
    bed.drop(url)
    return _table(quiet, held)


def _table(quiet: list[float], held: list[float]) -> Table:
    tenth = len(held) // 10
    first, last = median(held[:tenth]), median(held[-tenth:])
    setting = (
        f"Claims of {_CAPACITY}, {FINISHED:,} finished tasks, {_AGENTS} agents; claimed tasks end before the next."
    )
    table = Table("claim", setting)
    table.add("a claim of 10, median", "ms", median(quiet), bar=Bar(most=1.0))
    table.add("the same under a held snapshot, last tenth of 30,000 tasks", "ms", last, bar=Bar(most=1.0))
    table.add("last tenth against first tenth", "ms", last, peer=first, peer_name="first tenth",
              bar=Bar(most=1.3, judged="ratio"))  # fmt: skip
    return table


def fill_finished(bed: Bed, url: str) -> None:
    """A million finished tasks of twenty agents, with their attempts and runs."""
    for number in range(_AGENTS):
        add_agent(url, f"agent-{number}")
    for statement in (_FILL_LANES, _FILL_TASKS, _FILL_ATTEMPTS, _FILL_RUNS):
        Bed.rows(url, statement, {"agents": _AGENTS, "tasks": FINISHED})
    Bed.rows(url, "vacuum analyze")
    bed.settle()


def _queue(url: str, number: int) -> None:
    """Queue tasks as if they had come at a thousand a second until now."""
    ids = [new_id() for _ in range(number)]
    for statement in (_QUEUE_TASKS, _QUEUE_RUNS, _QUEUE):
        Bed.rows(url, statement, {"agents": _AGENTS, "ids": ids, "newest": number})


class _Claimer:
    """A worker's claim loop whose tasks are finished at once, as a worker would, but outside the clock."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._claimed: list[ClaimedTask] = []
        name = f"bench-{uuid4()}"
        self._loop = ClaimLoop(
            database, name, "shared", free=lambda: _CAPACITY, start=self._claimed.append, poll_seconds=0.25
        )

    async def claims(self, number: int) -> list[float]:
        """Milliseconds of each of `number` claims. Raises RuntimeError when one was not full."""
        took = []
        gc.collect()
        for _ in range(number):
            began = time.perf_counter()
            await self._loop.run_once()
            took.append((time.perf_counter() - began) * 1000)
            if len(self._claimed) != _CAPACITY:
                raise RuntimeError(f"a claim gave {len(self._claimed)} tasks and not {_CAPACITY}")
            await self._finish()
        return took

    async def _finish(self) -> None:
        moves = [
            Move(TENANT, task.task_id, Change.COMPLETE, attempt=task.attempt, output=json.dumps({"result": "done"}),
                 retry_count=0, crash_count=0)
            for task in self._claimed
        ]  # fmt: skip
        async with self._database.connection() as connection:
            landed = await transition(connection, moves)
        if len(landed) != len(moves):
            raise RuntimeError("a claimed task could not be finished")
        self._claimed.clear()
