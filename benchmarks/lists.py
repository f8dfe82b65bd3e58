"""Lists, details, statistics and spend over HTTP with 1,000,000 tasks and 10,000,000 events in the database."""

import time
from datetime import UTC, datetime, timedelta
from statistics import median
from urllib.parse import quote

from benchmarks.bed import Bed
from benchmarks.http_client import Client
from benchmarks.large_database import BATCH, EVENTS_PER_TASK, FINISHED, LONG, LONG_EVENTS, WEBHOOK, fill
from benchmarks.processes import running_api_process
from benchmarks.replay import first_entry, replay
from benchmarks.table import Bar, Table, percentile

_REQUESTS = 200
_SOME = "select task_id from par.tasks tablesample bernoulli (0.1) limit %(limit)s"


async def run(bed: Bed, repeats: int) -> Table:
    """The first page of each list and filter, deep pages, a task and its events, each two hundred times; a replay."""
    url = bed.database()
    fill(bed, url)
    ids = [str(row["task_id"]) for row in Bed.rows(url, _SOME, {"limit": _REQUESTS})]
    setting = f"{FINISHED:,} tasks with {FINISHED * EVENTS_PER_TASK:,} events, one API process over HTTP, one client."
    table = Table("lists", setting)
    with running_api_process(url) as (port, pid):
        async with Client(port) as client:
            for name, path in (*_task_lists(ids), *_other_lists(), *_sums(), *_long_task()):
                _add(table, name, await _times(client, [path] * _REQUESTS))
            for name, path in (("newest tasks", "/v1/tasks?limit=50"), ("audit log", "/v1/audit?limit=50")):
                _add(table, f"{name}, page 200", await _times(client, [await _deep_page(client, path)] * _REQUESTS))
            _add(table, "one task", await _times(client, [f"/v1/tasks/{task_id}" for task_id in ids]))
            _add(table, "events of a task", await _times(client, [f"/v1/tasks/{task_id}/events" for task_id in ids]))
        await _add_replay(table, port, pid)
    bed.drop(url)
    return table


def _ago(days: float) -> str:
    return quote((datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ"))


def _task_lists(ids: list[str]) -> tuple[tuple[str, str], ...]:
    tasks = "/v1/tasks?limit=50"
    return (
        ("newest tasks", tasks),
        ("tasks of one agent", f"{tasks}&agent_id=agent-7"),
        ("tasks of an agent with few", f"{tasks}&agent_id=agent-rare"),
        ("completed tasks", f"{tasks}&status=completed"),
        ("tasks that run, of which there are none", f"{tasks}&status=running"),
        ("completed tasks of one agent", f"{tasks}&status=completed&agent_id=agent-7"),
        (
            "the same of one day two weeks ago",
            f"{tasks}&status=completed&agent_id=agent-7&created_after={_ago(14)}&created_before={_ago(13)}",
        ),
        ("tasks with a label", f"{tasks}&label=team=search"),
        ("tasks with a label that all carry", f"{tasks}&label=stage=live"),
        ("paused tasks with that label, by its name", f"{tasks}&label=stage&status=paused"),
        ("tasks of an agent with few and that label", f"{tasks}&label=stage=live&agent_id=agent-rare"),
        ("tasks with a label that none carries", f"{tasks}&label=none=here"),
        ("tasks of a batch", f"{tasks}&batch_id={BATCH}"),
        ("a batch", f"/v1/batches/{BATCH}"),
        ("paused tasks by reason", f"{tasks}&pause_reason=budget_per_task"),
        ("dead letters by a rare reason", f"{tasks}&dead_letter_reason=task_timeout"),
        ("tasks created within a day, two weeks ago", f"{tasks}&created_after={_ago(14)}&created_before={_ago(13)}"),
        ("tasks created before three weeks", f"{tasks}&created_before={_ago(21)}"),
        ("search by the beginning of an id", f"{tasks}&q={ids[0][:13]}"),
        ("search by the beginning of a name", f"{tasks}&q=agent-1"),
    )


def _other_lists() -> tuple[tuple[str, str], ...]:
    letters, audit = "/v1/dead-letters?limit=50", "/v1/audit?limit=50"
    deliveries = f"/v1/webhooks/{WEBHOOK}/deliveries?limit=50"
    return (
        ("human requests", "/v1/human-requests?limit=50"),
        ("human requests of an agent and kind", "/v1/human-requests?limit=50&agent_id=agent-7&kind=approval"),
        ("dead letters", letters),
        ("dead letters of one agent", f"{letters}&agent_id=agent-7"),
        ("dead letters of one cause", f"{letters}&fingerprint=cause-7"),
        ("dead letters of a rare cause", f"{letters}&fingerprint=cause-rare"),
        ("dead letters by cause, 50,000 of 33 causes", "/v1/dead-letters/groups"),
        ("audit log", audit),
        ("audit log of one actor and action", f"{audit}&actor=key%203&action=agent_updated"),
        ("deliveries of a webhook", deliveries),
        ("failed deliveries, of which there are few", f"{deliveries}&status=failed"),
        ("workers", "/v1/workers?limit=50"),
        ("agents", "/v1/agents?limit=50"),
    )


def _sums() -> tuple[tuple[str, str], ...]:
    return (
        ("statistics of a day", "/v1/stats"),
        ("statistics of a week by the hour", f"/v1/stats?bucket=hour&from={_ago(6.9)}"),
        ("statistics of a year by the day", f"/v1/stats?bucket=day&from={_ago(360)}"),
        ("statistics of one agent", "/v1/stats?agent_id=agent-7"),
        ("spend of an agent", "/v1/agents/agent-7/spend"),
        ("costs of 30 days by agent, model and day", "/v1/costs"),
        ("costs of a year by agent, model and day", f"/v1/costs?from={_ago(360)[:10]}"),
        ("costs of a year by agent", f"/v1/costs?group_by=agent&from={_ago(360)[:10]}"),
    )


def _long_task() -> tuple[tuple[str, str], ...]:
    task = f"/v1/tasks/{LONG}"
    return (
        (f"a task with {LONG_EVENTS:,} entries and 2,000 files", task),
        ("its events, of which there is one", f"{task}/events"),
        ("its timeline, 200 entries", f"{task}/activity?limit=200"),
        ("its checkpoints, 200 of 2,000", f"{task}/checkpoints?limit=200"),
        ("its files", f"{task}/artifacts"),
    )


async def _add_replay(table: Table, port: int, pid: int) -> None:
    path = f"/v1/tasks/{LONG}/stream"
    opened = [await first_entry(port, path) for _ in range(_REQUESTS // 10)]
    whole = await replay(port, path, pid)
    table.add("its stream: request → first entry, p95", "ms", percentile(opened, 0.95), bar=Bar(most=100.0))
    table.add(f"its stream: lost of {LONG_EVENTS:,} entries", "entries", LONG_EVENTS - whole.in_order, bar=Bar(most=0))
    table.add("its stream: entries a second", "entries/s", whole.in_order / whole.seconds)
    table.add("its stream: memory that the process took for it", "MB", whole.memory_mb, bar=Bar(most=64))


def _add(table: Table, name: str, times: list[float]) -> None:
    table.add(f"{name}, p95", "ms", percentile(times, 0.95), bar=Bar(most=100.0), note=f"median {median(times):.3g}")


async def _times(client: Client, paths: list[str]) -> list[float]:
    took = []
    for path in paths:
        began = time.perf_counter()
        await client.get(path)
        took.append((time.perf_counter() - began) * 1000)
    return took


async def _deep_page(client: Client, first: str) -> str:
    path = first
    for _ in range(199):
        page = await client.get(path)
        path = f"{first}&cursor={page['next_cursor']}"
    return path
