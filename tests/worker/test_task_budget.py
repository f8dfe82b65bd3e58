"""A task's budget pauses it at the first checkpoint whose recorded cost has reached it, and costs nothing by itself."""

import pytest

from tests.support.invariants import Expectation, check_everything
from tests.support.moves import resume
from tests.support.tasks import TaskBook, calculation, script
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker

WORK = script(*(calculation(f"{n}+1") for n in range(4)), {"text": "done"})
REPLY = 140


async def reaches(book: TaskBook, task_id: str, status: str) -> None:
    async def there() -> bool:
        return bool(book.task(task_id)["status"] == status)

    await eventually(there, f"the task is {status}")


@pytest.mark.parametrize(("budget", "replies"), [(1, 1), (REPLY, 1), (REPLY + 1, 2), (3 * REPLY, 3)])
async def test_a_task_pauses_at_its_budget_and_not_before(
    book: TaskBook, start_worker: StartWorker, budget: int, replies: int
) -> None:
    book.add_priced_agent("thrifty", budget_max_per_task=budget)
    async with start_worker():
        task_id = book.submit(WORK, agent_id="thrifty")
        await reaches(book, task_id, "paused")
        task = book.task(task_id)
        assert task["cost_microdollars"] == replies * REPLY
        assert task["pause_reason"] == "budget_per_task"
        await check_everything(book.url, Expectation([task_id]))
        book.rows("update par.agents set budget_max_per_task = 1000000 where agent_id = 'thrifty'")
        assert resume(book, task_id)
        await reaches(book, task_id, "completed")
    task = book.task(task_id)
    assert task["cost_microdollars"] == 5 * REPLY
    assert task["retry_count"] == 0
    await check_everything(book.url, Expectation([task_id]))


async def test_the_tasks_own_limit_counts_beside_the_agents(book: TaskBook, start_worker: StartWorker) -> None:
    book.add_priced_agent("rich", budget_max_per_task=1_000_000)
    async with start_worker():
        task_id = book.submit(WORK, agent_id="rich", budget_max=2 * REPLY)
        await reaches(book, task_id, "paused")
    assert book.task(task_id)["cost_microdollars"] == 2 * REPLY


async def test_a_limit_that_is_lowered_under_way_counts_at_the_next_checkpoint(
    book: TaskBook, start_worker: StartWorker
) -> None:
    book.add_priced_agent("lowered", budget_max_per_task=1_000_000)
    work = script(*(calculation(f"{n}+1") for n in range(20)), {"text": "done"}, latency_seconds=0.1)
    async with start_worker():
        task_id = book.submit(work, agent_id="lowered")

        async def paid() -> bool:
            return bool(book.rows("select call_id from par.ledger limit 1"))

        await eventually(paid, "something is spent")
        book.rows("update par.agents set budget_max_per_task = 1 where agent_id = 'lowered'")
        await reaches(book, task_id, "paused")
    assert book.task(task_id)["cost_microdollars"] < 10 * REPLY
    await check_everything(book.url, Expectation([task_id]))


async def test_a_model_of_unknown_price_has_no_budget_to_reach(book: TaskBook, start_worker: StartWorker) -> None:
    book.add_agent("unpriced", config={"model": "unpriced", "allowed_tools": ["calculator"]}, budget_max_per_task=1)
    async with start_worker():
        task_id = book.submit(WORK, agent_id="unpriced")
        await reaches(book, task_id, "completed")
    costs = book.rows("select cost_microdollars from par.ledger")
    assert [row["cost_microdollars"] for row in costs] == [None] * 5
    await check_everything(book.url, Expectation([task_id]))


async def test_an_hourly_budget_pauses_at_what_was_spent_and_charges_nothing_for_the_call_not_made(
    book: TaskBook, start_worker: StartWorker
) -> None:
    book.add_priced_agent("hourly", budget_max_per_hour=1)
    async with start_worker():
        task_id = book.submit(WORK, agent_id="hourly")
        await reaches(book, task_id, "paused")
    task = book.task(task_id)
    assert task["cost_microdollars"] == REPLY
    assert task["pause_reason"] == "budget_per_hour"
    await check_everything(book.url, Expectation([task_id]))


async def test_a_limit_lowered_during_a_tool_charges_nothing_for_the_call_not_made(
    book: TaskBook, start_worker: StartWorker
) -> None:
    book.add_priced_agent("lowered", budget_max_per_task=1_000_000)
    work = script({"tool": "dev_sleep", "args": {"seconds": 0.5}}, {"text": "done"})
    async with start_worker():
        task_id = book.submit(work, agent_id="lowered")

        async def called() -> bool:
            return bool(book.rows("select sequence from par.events where kind = 'tool_call'"))

        await eventually(called, "the tool call is decided")
        book.rows("update par.agents set budget_max_per_task = 1 where agent_id = 'lowered'")
        await reaches(book, task_id, "paused")
    assert book.task(task_id)["cost_microdollars"] == REPLY
    await check_everything(book.url, Expectation([task_id]))


async def test_many_tasks_at_once_overrun_an_hourly_budget_by_one_call_at_most(
    book: TaskBook, start_worker: StartWorker
) -> None:
    book.add_priced_agent("hurried", budget_max_per_hour=REPLY + 10)
    async with start_worker():
        tasks = [book.submit("hello", agent_id="hurried") for _ in range(20)]

        async def none_moves() -> bool:
            return all(book.task(task_id)["status"] in {"completed", "paused"} for task_id in tasks)

        await eventually(none_moves, "every task is through or waits for the hour", seconds=15)
    spent = sum(book.task(task_id)["cost_microdollars"] for task_id in tasks)
    assert spent <= REPLY + 10 + REPLY
    assert {book.task(task_id)["pause_reason"] for task_id in tasks} == {None, "budget_per_hour"}


async def test_a_step_that_had_to_ask_twice_costs_what_both_replies_cost(
    book: TaskBook, start_worker: StartWorker
) -> None:
    book.add_priced_agent("stammering", budget_max_per_task=1_000_000)
    async with start_worker():
        task_id = book.submit(script({"tool": "calculator", "args": "{bad"}, {"text": "x"}), agent_id="stammering")
        await reaches(book, task_id, "completed")
    rows = book.rows("select checkpoint_id, cost_microdollars from par.ledger where task_id = %(id)s", id=task_id)
    assert [row["cost_microdollars"] for row in rows] == [REPLY, REPLY]
    assert len({row["checkpoint_id"] for row in rows}) == 1
    assert rows[0]["checkpoint_id"] is not None
    assert book.task(task_id)["cost_microdollars"] == 2 * REPLY
    await check_everything(book.url, Expectation([task_id]))
