"""Lists and details over HTTP with 1,000,000 tasks and 10,000,000 events in the database."""

import time
from statistics import median

from benchmarks.bed import Bed
from benchmarks.claim import FINISHED, fill_finished
from benchmarks.http_client import Client
from benchmarks.processes import running_api
from benchmarks.table import Bar, Table, percentile

_EVENTS_PER_TASK = 10
_REQUESTS = 200
_PAGES = (
    ("newest tasks", "/v1/tasks?limit=50"),
    ("tasks of one agent", "/v1/tasks?limit=50&agent_id=agent-7"),
    ("completed tasks", "/v1/tasks?limit=50&status=completed"),
    ("failed tasks, of which there are none", "/v1/tasks?limit=50&status=dead_letter"),
    ("completed tasks of one agent", "/v1/tasks?limit=50&status=completed&agent_id=agent-7"),
)
_EVENTS = (
    "insert into par.events (tenant_id, task_id, sequence, kind, agent_id, attempt, worker_id, event_type, created_at)"
    f" select tenant_id, task_id, n, 'event', agent_id, 1, 'old', 'task_claimed', created_at from par.tasks,"
    f" generate_series(1, {_EVENTS_PER_TASK}) n"
)

_SOME = "select task_id from par.tasks tablesample bernoulli (0.1) limit %(limit)s"


async def run(bed: Bed, repeats: int) -> Table:
    """The first page, a deep page, a task and its events, each two hundred times."""
    url = bed.database()
    fill_finished(bed, url)
    Bed.rows(url, _EVENTS)
    Bed.rows(url, "vacuum analyze")
    bed.settle()
    ids = [str(row["task_id"]) for row in Bed.rows(url, _SOME, {"limit": _REQUESTS})]
    setting = f"{FINISHED:,} tasks with {FINISHED * _EVENTS_PER_TASK:,} events, one API process over HTTP, one client."
    table = Table("lists", setting)
    with running_api(url) as port:
        async with Client(port) as client:
            for name, path in _PAGES:
                _add(table, name, await _times(client, [path] * _REQUESTS))
            _add(table, "newest tasks, page 200", await _times(client, [await _deep_page(client)] * _REQUESTS))
            _add(table, "one task", await _times(client, [f"/v1/tasks/{task_id}" for task_id in ids]))
            _add(table, "events of a task", await _times(client, [f"/v1/tasks/{task_id}/events" for task_id in ids]))
    bed.drop(url)
    return table


def _add(table: Table, name: str, times: list[float]) -> None:
    table.add(f"{name}, p95", "ms", percentile(times, 0.95), bar=Bar(most=100.0), note=f"median {median(times):.3g}")


async def _times(client: Client, paths: list[str]) -> list[float]:
    took = []
    for path in paths:
        began = time.perf_counter()
        await client.get(path)
        took.append((time.perf_counter() - began) * 1000)
    return took


async def _deep_page(client: Client) -> str:
    path = "/v1/tasks?limit=50"
    for _ in range(199):
        page = await client.get(path)
        path = f"/v1/tasks?limit=50&cursor={page['next_cursor']}"
    return path
