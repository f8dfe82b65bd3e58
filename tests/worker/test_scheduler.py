"""Turns, pools, times and drains as a whole worker keeps them."""

from agent_runtime.store import worker as worker_store
from agent_runtime.store.claim import DUE_AT_ONCE, make_due
from agent_runtime.store.database import Database
from tests.support.invariants import Expectation, check_everything
from tests.support.tasks import TaskBook, script
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker

SHORT = script({"text": "done", "latency_seconds": 0.2})


def waited(book: TaskBook, task_id: str) -> float:
    """Seconds from a task's creation to its first claim; -1 while it waits."""
    rows = book.rows(
        "select coalesce(extract(epoch from started_at - created_at), -1)::float as waited from par.tasks"
        " where task_id = %(id)s",
        id=task_id,
    )
    return float(rows[0]["waited"])


async def completes(book: TaskBook, task_id: str, seconds: float = 10.0) -> None:
    async def done() -> bool:
        return bool(book.task(task_id)["status"] == "completed")

    await eventually(done, f"task {task_id} completes", seconds=seconds)


async def test_a_flood_of_one_agent_holds_up_anothers_single_task_for_less_than_two_seconds(
    book: TaskBook, start_worker: StartWorker
) -> None:
    book.add_agent("single")
    for _ in range(60):
        book.submit(SHORT)
    async with start_worker(max_concurrent_tasks=2):

        async def full() -> bool:
            return bool(book.rows("select count(*)::int as n from par.attempts where ended_at is null")[0]["n"] == 2)

        await eventually(full, "the flood takes every slot")
        task_id = book.submit(SHORT, agent_id="single")
        await completes(book, task_id)
        assert book.rows("select count(*)::int as n from par.queue")[0]["n"] > 10
    assert 0 <= waited(book, task_id) < 2.0


async def test_a_worker_takes_tasks_of_its_own_pool_alone(book: TaskBook, start_worker: StartWorker) -> None:
    ours, theirs = book.submit(worker_pool_id="gpu"), book.submit()
    async with start_worker("gpu-1", worker_pool="gpu"):
        await completes(book, ours)
        assert book.task(theirs)["status"] == "queued"
    async with start_worker("shared-1"):
        await completes(book, theirs)
    assert book.task(ours)["last_worker_id"] == "gpu-1"


async def test_tasks_of_a_disabled_agent_wait_and_go_on_when_it_is_active_again(
    book: TaskBook, start_worker: StartWorker
) -> None:
    task_id, other = book.submit(), book.submit(agent_id=book.add_agent("other"))
    book.rows("update par.agents set status = 'disabled' where agent_id = 'agent'")
    async with start_worker():
        await completes(book, other)
        assert book.task(task_id)["status"] == "queued"
        book.rows("update par.agents set status = 'active' where agent_id = 'agent'")
        await completes(book, task_id)


async def test_a_crowd_due_at_one_instant_does_not_hold_up_who_is_due_after_it(
    book: TaskBook, start_worker: StartWorker
) -> None:
    book.add_agent("after")
    book.rows(
        "insert into par.queue (tenant_id, task_id, agent_id, worker_pool_id, priority, enqueued_at, delayed_until)"
        " select 'default', gen_random_uuid(), 'agent', 'elsewhere', 4, par.now(), par.now() - interval '1 second'"
        " from generate_series(1, %(crowd)s)",
        crowd=5 * DUE_AT_ONCE,
    )
    task_id = book.submit(agent_id="after", run_at="2099-01-01T00:00:00Z")
    book.rows("update par.queue set delayed_until = par.now() where task_id = %(id)s", id=task_id)
    async with start_worker():
        await completes(book, task_id, seconds=5)


async def test_what_is_due_is_let_in_a_bounded_number_at_a_time(book: TaskBook) -> None:
    for _ in range(3):
        book.submit(run_at="2099-01-01T00:00:00Z")
    book.rows("update par.queue set delayed_until = par.now()")
    async with Database(book.url, "par_worker") as database:
        assert [len(await make_due(database, limit=2)) for _ in range(3)] == [2, 1, 0]


async def test_a_worker_that_is_asked_to_drain_hands_over_and_exits(book: TaskBook, start_worker: StartWorker) -> None:
    slow = script(*({"tool": "dev_sleep", "args": {"seconds": 0.2}} for _ in range(8)), {"text": "done"})
    task_id = book.submit(slow)
    async with Database(book.url, "par_worker") as database, start_worker("leaving"):

        async def runs() -> bool:
            return bool(book.rows("select task_id from par.attempts where ended_at is null and worker_id = 'leaving'"))

        await eventually(runs, "the task runs")
        await worker_store.request_drain(database, "leaving")

        async def gone() -> bool:
            rows = book.rows("select status from par.worker_sessions where worker_id = 'leaving'")
            return bool(rows[0]["status"] == "offline")

        await eventually(gone, "the worker is offline")
        assert book.task(task_id)["status"] == "queued"
        late = book.submit()
        async with start_worker("staying"):
            await completes(book, task_id)
            await completes(book, late)
    told = book.events(task_id)
    assert "task_handed_over" in told
    assert book.task(task_id)["retry_count"] == 0
    claimed = book.rows(
        "select details from par.events where task_id = %(id)s and event_type = 'task_claimed' order by sequence",
        id=task_id,
    )
    assert claimed[0]["details"] is None
    assert claimed[1]["details"] == {"attempt": 2, "previous_worker_id": "leaving"}
    await check_everything(book.url, Expectation([task_id, late]))
