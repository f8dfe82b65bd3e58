"""Claims: never more than asked, fair, oldest first, once each, and never a task that somebody else just moved."""

import asyncio
from typing import Any

import psycopg
import pytest

from agent_runtime.store.claim import ClaimRequest, claim, claim_parameters, make_due
from agent_runtime.store.database import connection_options
from agent_runtime.store.queries import query
from tests.support.attempts import Desk
from tests.support.invariants import Expectation, check_invariants
from tests.support.tasks import TaskBook
from tests.support.waiting import eventually


async def claimed(ours: Desk, worker_id: str = "w", capacity: int = 10, **fields: Any) -> list[str]:
    request = ClaimRequest(worker_id, fields.pop("pool", "shared"), capacity, per_lane=capacity, **fields)
    return [str(row["task_id"]) for row in await claim(ours.database, request)]


async def test_a_claim_takes_the_oldest_and_no_more_than_asked(book: TaskBook, ours: Desk) -> None:
    tasks = [book.submit() for _ in range(5)]
    assert await claimed(ours, capacity=2) == tasks[:2]
    assert await claimed(ours, capacity=10) == tasks[2:]
    assert await claimed(ours) == []
    check_invariants(book.url, Expectation(tasks, settled=False))


async def test_a_lower_priority_number_goes_first(book: TaskBook, ours: Desk) -> None:
    late = book.submit(priority=9)
    early = book.submit(priority=1)
    assert await claimed(ours) == [early, late]


async def test_agents_take_turns(book: TaskBook, ours: Desk) -> None:
    for agent in ("busy", "quiet"):
        book.add_agent(agent)
    busy = [book.submit(agent_id="busy") for _ in range(4)]
    quiet = [book.submit(agent_id="quiet") for _ in range(2)]
    assert await claimed(ours, capacity=4) == [busy[0], quiet[0], busy[1], quiet[1]]


async def test_the_next_claim_begins_with_the_agent_after_the_last(book: TaskBook, ours: Desk) -> None:
    for agent in ("a", "b", "c"):
        book.add_agent(agent)
    tasks = {agent: book.submit(agent_id=agent) for agent in ("a", "b", "c")}
    taken = await claimed(ours, capacity=1, last_tenant="default", last_agent="b")
    assert taken == [tasks["c"]]


async def test_an_agent_runs_no_more_than_its_limit(book: TaskBook, ours: Desk) -> None:
    book.add_agent("narrow", max_concurrent_tasks=2)
    for _ in range(5):
        book.submit(agent_id="narrow")
    assert len(await claimed(ours)) == 2
    assert await claimed(ours) == []


async def test_concurrent_claims_keep_an_agents_limit_and_take_each_task_once(book: TaskBook, ours: Desk) -> None:
    book.add_agent("narrow", max_concurrent_tasks=5)
    for _ in range(30):
        book.submit(agent_id="narrow")
    for _ in range(3):
        await asyncio.gather(*(claimed(ours, f"w{number}", capacity=3) for number in range(8)))
    live = book.rows("select task_id from par.attempts where ended_at is null")
    assert len(live) == 5
    check_invariants(book.url, Expectation(settled=False))


@pytest.mark.parametrize("status", ["disabled", "other pool", "delayed"])
async def test_what_may_not_run_is_not_claimed(book: TaskBook, ours: Desk, status: str) -> None:
    match status:
        case "disabled":
            book.submit()
            book.rows("update par.agents set status = 'disabled'")
        case "other pool":
            book.submit(worker_pool_id="elsewhere")
        case "delayed":
            book.submit(run_at="2999-01-01T00:00:00Z")
    assert await claimed(ours) == []


async def test_delayed_work_is_claimed_when_its_time_has_come(book: TaskBook, ours: Desk) -> None:
    task_id = book.submit(run_at="2999-01-01T00:00:00Z")
    assert await make_due(ours.database) == []
    book.rows("update par.queue set delayed_until = par.now() - interval '1 second'")
    assert len(await make_due(ours.database)) == 1
    assert await claimed(ours) == [task_id]


async def test_a_mark_hides_only_what_is_older(book: TaskBook, ours: Desk) -> None:
    old, new = book.submit(), book.submit()
    rows = {str(row["task_id"]): row["enqueued_at"] for row in book.rows("select task_id, enqueued_at from par.queue")}
    assert await claimed(ours, marks={("default", "agent", 4): rows[new]}) == [new]
    assert await claimed(ours) == [old]


async def test_a_locked_task_is_passed_over(book: TaskBook, ours: Desk) -> None:
    held, free = book.submit(), book.submit()
    async with await psycopg.AsyncConnection.connect(book.url) as other:
        await other.execute("select from par.tasks where task_id = %s for no key update", [held])
        assert await claimed(ours) == [free]
    assert await claimed(ours) == [held]


async def test_a_task_that_left_the_queue_meanwhile_is_not_claimed_behind_its_workers_back(
    book: TaskBook, ours: Desk
) -> None:
    """The claim has looked at the queue; before it locks the task, another worker runs it and queues it again."""
    task_id = book.submit()
    book.rows(
        "create or replace function par.running_tasks(of_tenant text, of_agent text, since timestamptz,"
        " out running integer, out oldest timestamptz) language plpgsql volatile as"
        " $$ begin perform pg_advisory_xact_lock_shared(4711); running := 0; end $$"
    )
    async with await psycopg.AsyncConnection.connect(book.url) as gate:
        await gate.execute("select pg_advisory_xact_lock(4711)")
        claiming = asyncio.create_task(claimed(ours))

        async def waiting() -> bool:
            return bool(book.rows("select pid from pg_locks where locktype = 'advisory' and not granted"))

        await eventually(waiting, "the claim waits between its two looks")
        book.rows("delete from par.queue where task_id = %(id)s", id=task_id)
        book.rows(
            "insert into par.queue (tenant_id, task_id, agent_id, worker_pool_id, priority, enqueued_at)"
            " select tenant_id, task_id, agent_id, worker_pool_id, priority, created_at from par.tasks"
        )
    assert await claiming == []
    check_invariants(book.url, Expectation([task_id], settled=False))
    assert await claimed(ours) == [task_id]


async def test_the_plan_of_a_claim_goes_by_the_queues_index(book: TaskBook) -> None:
    """With a million finished tasks, no step of a claim may read a table from end to end or walk the primary key."""
    book.rows(
        "insert into par.tasks (tenant_id, task_id, agent_id, config_version, status)"
        " select 'default', gen_random_uuid(), 'agent', 1, 'completed' from generate_series(1, 20000)"
    )
    for _ in range(20):
        book.submit()
    book.rows("analyze par.tasks, par.queue, par.queue_lanes, par.agents, par.attempts")
    assert _bad_nodes(book.url, "claim", "claim", CLAIM_PARAMETERS) == []


CLAIM_PARAMETERS: dict[str, Any] = claim_parameters(ClaimRequest("w", "shared", 10))


def _bad_nodes(url: str, room: str, name: str, parameters: dict[str, Any]) -> list[str]:
    """Nodes of the worker's plan that read one of the large tables without an index condition."""
    options = connection_options("par_worker", "explain")
    with psycopg.connect(url, **options) as connection:
        plan = connection.execute(b"explain (format json) " + query(room, name), parameters).fetchone()
        connection.rollback()
    assert plan is not None
    found: list[str] = []
    _walk(plan[0][0]["Plan"], found)
    return found


def _walk(node: dict[str, Any], found: list[str]) -> None:
    large = node.get("Relation Name") in {"tasks", "events", "checkpoints", "attempts", "runs", "ledger", "queue"}
    kind = node["Node Type"]
    if large and (kind == "Seq Scan" or ("Index" in kind and not node.get("Index Cond"))):
        found.append(f"{node['Node Type']} on {node['Relation Name']} {node.get('Index Name', '')}")
    for child in node.get("Plans", []):
        _walk(child, found)
