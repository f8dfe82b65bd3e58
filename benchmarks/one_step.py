"""One-step tasks (claim, one model call, finish) on real worker processes."""

import asyncio
from collections import defaultdict

import psycopg

from agent_runtime.store.database import Database
from benchmarks.bed import Bed, wait_for
from benchmarks.processes import running_workers
from benchmarks.seed import AGENT, add_agent, submit
from benchmarks.table import Bar, Table, medians
from benchmarks.ten_step import ONE_STEP

_TASKS_PER_WORKER = 2000
_BARS = {1: 600.0, 2: 1200.0}
_MOST_REPEATS = 3
_LIMIT_SECONDS = 180.0
_LOOK_SECONDS = 0.25


async def run(bed: Bed, repeats: int) -> Table:
    """Measure with one and with two workers."""
    rates: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    for _ in range(min(repeats, _MOST_REPEATS)):
        for workers in _BARS:
            rate, milliseconds = await _measure(bed, workers)
            rates[str(workers)].append(rate)
            cpu[str(workers)].append(milliseconds)
    setting = "Tasks of one model call, real worker processes, default settings (100 tasks at once each)."
    table = Table("one_step", setting)
    for workers, bar in _BARS.items():
        table.add(f"tasks/s, {workers} worker(s)", "tasks/s", medians(rates)[str(workers)], bar=Bar(least=bar))
    table.add("PostgreSQL CPU per task, 1 worker", "ms", medians(cpu)["1"], bar=Bar(most=0.20))
    return table


async def _measure(bed: Bed, workers: int) -> tuple[float, float]:
    """Tasks per second between the first tenth and the last tenth of the finishes, and PostgreSQL's CPU per task."""
    url = bed.database()
    add_agent(url)
    number = _TASKS_PER_WORKER * workers
    async with Database(url, "par_api") as api:
        await submit(api, [ONE_STEP] * number)
    Bed.rows(url, "vacuum analyze")
    # Disabled until all workers are online, so that they begin together.
    _set_agent(url, "disabled")
    with running_workers(url, workers):
        cpu = bed.cpu_seconds()
        _set_agent(url, "active")
        await asyncio.to_thread(_wait_until_finished, url, number)
        cpu = bed.cpu_seconds() - cpu
    (row,) = Bed.rows(
        url,
        "select extract(epoch from percentile_disc(0.9) within group (order by ended_at)"
        " - percentile_disc(0.1) within group (order by ended_at))::float as seconds from par.attempts",
    )
    bed.drop(url)
    return 0.8 * number / row["seconds"], cpu * 1000 / number


def _set_agent(url: str, status: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("update par.agents set status = %s where agent_id = %s", (status, AGENT))
        connection.execute("select pg_notify('par_work', 'shared')")


def _wait_until_finished(url: str, number: int) -> None:
    """Look rarely and over one connection: a look is work of the same server, and counts as the tasks' own."""
    with psycopg.connect(url, autocommit=True) as connection:

        def finished() -> bool:
            row = connection.execute("select count(*) from par.attempts where ended_at is not null").fetchone()
            return row == (number,)

        wait_for(finished, f"{number} tasks done", _LIMIT_SECONDS, between=_LOOK_SECONDS)
