"""Lists, details, statistics and spend over HTTP with 1,000,000 tasks and 10,000,000 events in the database."""

import time
from datetime import UTC, datetime, timedelta
from statistics import median
from urllib.parse import quote

from benchmarks.bed import Bed
from benchmarks.claim import FINISHED, fill_finished
from benchmarks.http_client import Client
from benchmarks.processes import running_api
from benchmarks.table import Bar, Table, percentile

_EVENTS_PER_TASK = 10
_REQUESTS = 200
_EVENTS = (
    "insert into par.events (tenant_id, task_id, sequence, kind, agent_id, attempt, worker_id, event_type, created_at)"
    f" select tenant_id, task_id, n, 'event', agent_id, 1, 'old', 'task_claimed', created_at from par.tasks,"
    f" generate_series(1, {_EVENTS_PER_TASK}) n"
)
_SOME = "select task_id from par.tasks tablesample bernoulli (0.1) limit %(limit)s"
_BATCH = "019af0d0-0000-7000-8000-00000000ba7c"
# What is rare among the million: a batch, labels, what failed, what is paused and who waits for people.
_RARE = f"""
insert into par.task_labels (tenant_id, label, value, task_id)
select 'default', 'team', 'search', task_id from par.tasks tablesample bernoulli (1);
update par.tasks set status = 'dead_letter', dead_letter_reason = 'task_timeout', dead_lettered_at = created_at,
    completed_at = null
where task_id in (select task_id from par.tasks tablesample bernoulli (0.2));
update par.tasks set status = 'paused', pause_reason = 'budget_per_task'
where task_id in (select task_id from par.tasks where status = 'completed' limit 1000);
update par.tasks set status = 'waiting_for_input'
where task_id in (select task_id from par.tasks where status = 'completed' limit 1000);
insert into par.human_requests (tenant_id, request_id, task_id, agent_id, run_number, kind, prompt, created_at,
    expires_at)
select tenant_id, gen_random_uuid(), task_id, agent_id, 1, 'input', 'Which?', now(), now() + interval '1 day'
from par.tasks where status = 'waiting_for_input';
update par.tasks set batch_id = '{_BATCH}' where task_id in (select task_id from par.tasks limit 500);
insert into par.queue (tenant_id, task_id, agent_id, worker_pool_id, priority, enqueued_at)
select 'default', gen_random_uuid(), 'agent-' || n % 20, 'shared', 4, now() from generate_series(1, 20000) n
"""
# A year of counters of twenty agents with two models each, as the duty of the workers leaves them.
_COUNTERS = """
insert into par.spend_days
select 'default', 'agent-' || a, date_trunc('day', now()) - d * interval '1 day', 'p', 'm' || m, 1000, 10, 0, 5, 5
from generate_series(0, 19) a, generate_series(9, 365) d, generate_series(1, 2) m;
insert into par.spend_hours
select 'default', 'agent-' || a, date_trunc('hour', now()) - h * interval '1 hour', 'p', 'm' || m, 1000, 10, 0, 5, 5
from generate_series(0, 19) a, generate_series(1, 192) h, generate_series(1, 2) m;
insert into par.spend_minutes (tenant_id, agent_id, minute, worker_id, provider, model, cost_microdollars, calls,
    input_tokens, output_tokens)
select 'default', 'agent-' || a, date_trunc('minute', now()) - n * interval '1 minute', 'w' || w, 'p', 'm' || m,
    100, 1, 5, 5
from generate_series(0, 19) a, generate_series(0, 64) n, generate_series(1, 2) m, generate_series(1, 4) w;
insert into par.task_flow (tenant_id, agent_id, span, starts_at, lane, completed)
select 'default', 'agent-' || a, 'hour', date_trunc('hour', now()) - h * interval '1 hour', '', 9
from generate_series(0, 19) a, generate_series(1, 192) h;
insert into par.task_flow (tenant_id, agent_id, span, starts_at, lane, completed)
select 'default', 'agent-' || a, 'day', date_trunc('day', now()) - d * interval '1 day', '', 99
from generate_series(0, 19) a, generate_series(9, 365) d
"""


async def run(bed: Bed, repeats: int) -> Table:
    """The first page of each list and filter, a deep page, a task and its events, each two hundred times."""
    url = bed.database()
    fill_finished(bed, url)
    for statement in (_EVENTS, _RARE, _COUNTERS, "vacuum analyze"):
        Bed.rows(url, statement)
    bed.settle()
    ids = [str(row["task_id"]) for row in Bed.rows(url, _SOME, {"limit": _REQUESTS})]
    setting = f"{FINISHED:,} tasks with {FINISHED * _EVENTS_PER_TASK:,} events, one API process over HTTP, one client."
    table = Table("lists", setting)
    with running_api(url) as port:
        async with Client(port) as client:
            for name, path in _pages(ids):
                _add(table, name, await _times(client, [path] * _REQUESTS))
            _add(table, "newest tasks, page 200", await _times(client, [await _deep_page(client)] * _REQUESTS))
            _add(table, "one task", await _times(client, [f"/v1/tasks/{task_id}" for task_id in ids]))
            _add(table, "events of a task", await _times(client, [f"/v1/tasks/{task_id}/events" for task_id in ids]))
    bed.drop(url)
    return table


def _pages(ids: list[str]) -> tuple[tuple[str, str], ...]:
    def ago(days: float) -> str:
        return quote((datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ"))

    tasks = "/v1/tasks?limit=50"
    return (
        ("newest tasks", tasks),
        ("tasks of one agent", f"{tasks}&agent_id=agent-7"),
        ("completed tasks", f"{tasks}&status=completed"),
        ("tasks that run, of which there are none", f"{tasks}&status=running"),
        ("completed tasks of one agent", f"{tasks}&status=completed&agent_id=agent-7"),
        ("tasks with a label", f"{tasks}&label=team=search"),
        ("tasks of a batch", f"{tasks}&batch_id={_BATCH}"),
        ("paused tasks by reason", f"{tasks}&pause_reason=budget_per_task"),
        ("dead letters by reason", f"{tasks}&dead_letter_reason=task_timeout"),
        ("tasks created within a day, two weeks ago", f"{tasks}&created_after={ago(14)}&created_before={ago(13)}"),
        ("tasks created before three weeks", f"{tasks}&created_before={ago(21)}"),
        ("search by the beginning of an id", f"{tasks}&q={ids[0][:13]}"),
        ("search by the beginning of a name", f"{tasks}&q=agent-1"),
        ("human requests", "/v1/human-requests?limit=50"),
        ("dead letters", "/v1/dead-letters?limit=50"),
        ("statistics of a day", "/v1/stats"),
        ("statistics of a week by the hour", f"/v1/stats?bucket=hour&from={ago(6.9)}"),
        ("statistics of a year by the day", f"/v1/stats?bucket=day&from={ago(360)}"),
        ("statistics of one agent", "/v1/stats?agent_id=agent-7"),
        ("spend of an agent", "/v1/agents/agent-7/spend"),
        ("costs of 30 days by agent, model and day", "/v1/costs"),
        ("costs of a year by agent", f"/v1/costs?group_by=agent&from={ago(360)}"),
    )


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
