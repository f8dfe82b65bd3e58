"""The hourly budget: pauses end by themselves when the window clears or the limit is raised, a few tasks at a time."""

import pytest

from agent_runtime.store.budget import cleared
from agent_runtime.worker.maintenance.resume import resume_cleared
from tests.support.attempts import desk
from tests.support.invariants import Expectation, check_everything
from tests.support.moves import resume
from tests.support.tasks import TaskBook, calculation, script
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker
from tests.worker.test_task_budget import REPLY, reaches

WORK = script(calculation("1+1"), {"text": "done"})


def pause_all(book: TaskBook, agent_id: str) -> None:
    """Pause queued tasks as a worker would have, without running them."""
    book.rows("delete from par.queue where agent_id = %(agent)s", agent=agent_id)
    book.rows(
        "update par.tasks set status = 'paused', pause_reason = 'budget_per_hour', waiting_since = par.now()"
        " where agent_id = %(agent)s and status = 'queued'",
        agent=agent_id,
    )


def spend(book: TaskBook, agent_id: str, cost: int, age: str = "1 minute") -> None:
    book.rows(
        "insert into par.spend_minutes (tenant_id, agent_id, minute, worker_id, provider, model, cost_microdollars,"
        " calls, input_tokens, output_tokens) values ('default', %(agent)s, par.now() - %(age)s::interval, 'w', 'p',"
        " 'm', %(cost)s, 1, 0, 0)",
        agent=agent_id, cost=cost, age=age,
    )  # fmt: skip


async def test_a_pause_says_what_was_spent_of_what_and_when_it_clears(
    book: TaskBook, start_worker: StartWorker
) -> None:
    book.add_priced_agent("hourly", budget_max_per_hour=1)
    async with start_worker():
        task_id = book.submit(WORK, agent_id="hourly")
        await reaches(book, task_id, "paused")
    task = book.task(task_id)
    assert task["pause_details"]["budget_microdollars"] == 1
    assert task["pause_details"]["spent_microdollars"] == REPLY
    assert "60 minutes" in task["pause_details"]["clears"]
    wait = book.rows("select extract(epoch from resume_eligible_at - par.now())::int as left from par.tasks")[0]["left"]
    assert 58 * 60 < wait <= 60 * 60


async def test_a_pause_ends_by_itself_within_five_seconds_of_the_window_clearing(
    book: TaskBook, start_worker: StartWorker
) -> None:
    book.add_priced_agent("hourly", budget_max_per_hour=REPLY)
    spend(book, "hourly", REPLY, "30 minutes")
    async with start_worker():
        task_id = book.submit("hello", agent_id="hourly")
        await reaches(book, task_id, "paused")
        book.rows("update par.spend_minutes set minute = minute - interval '31 minutes'")

        async def done() -> bool:
            return bool(book.task(task_id)["status"] == "completed")

        await eventually(done, "the task goes on by itself", seconds=5)
    assert book.task(task_id)["pause_reason"] is None
    assert book.events(task_id).count("task_resumed") == 1


async def test_raising_the_hourly_limit_lets_paused_tasks_go_on(book: TaskBook, start_worker: StartWorker) -> None:
    book.add_priced_agent("hourly", budget_max_per_hour=1)
    spend(book, "hourly", 1)
    async with start_worker():
        tasks = [book.submit("hello", agent_id="hourly") for _ in range(3)]
        for task_id in tasks:
            await reaches(book, task_id, "paused")
        book.rows("update par.agents set budget_max_per_hour = null where agent_id = 'hourly'")
        for task_id in tasks:
            await reaches(book, task_id, "completed")
    book.rows("delete from par.spend_minutes where worker_id = 'w'")
    await check_everything(book.url, Expectation(tasks))


@pytest.mark.parametrize(("running", "queued", "resumed"), [(0, 0, 5), (2, 0, 3), (2, 1, 2), (4, 3, 0)])
async def test_no_more_tasks_go_on_than_the_agent_has_free_slots(
    book: TaskBook, running: int, queued: int, resumed: int
) -> None:
    book.add_agent("narrow", max_concurrent_tasks=5, budget_max_per_hour=100)
    async with desk(book.url) as ours:
        for _ in range(running):
            book.submit(agent_id="narrow")
        assert len(await ours.claim("w", 10)) == running
        late = book.submit(agent_id="narrow", priority=9)
        for _ in range(8):
            book.submit(agent_id="narrow")
        pause_all(book, "narrow")
        for _ in range(queued):
            book.submit(agent_id="narrow")
        assert await resume_cleared(ours.database) == resumed
        assert await resume_cleared(ours.database) == 0
    assert book.task(late)["status"] == "paused"


async def test_an_agent_without_room_in_its_hour_keeps_its_tasks_and_holds_up_nobody(book: TaskBook) -> None:
    for agent_id, limit in (("spent", 100), ("open", 101)):
        book.add_agent(agent_id, max_concurrent_tasks=1, budget_max_per_hour=limit)
        spend(book, agent_id, 100)
        for _ in range(3):
            book.submit(agent_id=agent_id)
        pause_all(book, agent_id)
    async with desk(book.url) as ours:
        (row,) = await cleared(ours.database)
    assert book.task(str(row["task_id"]))["agent_id"] == "open"


async def test_a_limit_lowered_below_what_is_spent_pauses_at_the_next_checkpoint(
    book: TaskBook, start_worker: StartWorker
) -> None:
    book.add_priced_agent("lowered", budget_max_per_hour=1_000_000)
    work = script(*(calculation(f"{n}+1") for n in range(20)), {"text": "done"}, latency_seconds=0.1)
    async with start_worker():
        task_id = book.submit(work, agent_id="lowered")

        async def paid() -> bool:
            return bool(book.rows("select call_id from par.ledger limit 1"))

        await eventually(paid, "something is spent")
        book.rows("update par.agents set budget_max_per_hour = 1 where agent_id = 'lowered'")
        await reaches(book, task_id, "paused")
    task = book.task(task_id)
    assert task["cost_microdollars"] < 10 * REPLY
    assert task["pause_reason"] == "budget_per_hour"
    await check_everything(book.url, Expectation([task_id]))


async def test_waiting_and_paused_tasks_hold_no_slot(book: TaskBook, start_worker: StartWorker) -> None:
    book.add_priced_agent("single", max_concurrent_tasks=1, budget_max_per_task=1)
    async with start_worker():
        first = book.submit(WORK, agent_id="single")
        await reaches(book, first, "paused")
        second = book.submit("hello", agent_id="single")
        await reaches(book, second, "completed")
        book.rows("update par.agents set budget_max_per_task = null where agent_id = 'single'")
        assert resume(book, first)
        await reaches(book, first, "completed")
