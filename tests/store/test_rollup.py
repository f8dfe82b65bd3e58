"""Counters that were moved into coarser rows say the same, and what a version without them did is found again."""

import asyncio

from agent_runtime.store import retention
from agent_runtime.store.database import Database
from agent_runtime.store.rollup import recount, roll_up
from tests.support.attempts import Desk, call_row
from tests.support.invariants import Expectation, check_invariants
from tests.support.moves import cancel, redrive
from tests.support.tasks import TaskBook

FINISHED = (
    "select sum(completed - left_completed)::int as completed, sum(dead_lettered - left_dead_letter)::int as dead,"
    " sum(completed)::int as ever from par.task_flow"
)


async def finish(book: TaskBook, ours: Desk, number: int) -> list[str]:
    tasks = [book.submit() for _ in range(number)]
    for attempt in await ours.claim("w", number):
        await attempt.complete()
    return tasks


async def test_finished_tasks_are_counted_and_counted_off_again(book: TaskBook, ours: Desk) -> None:
    await finish(book, ours, 3)
    gone = book.submit()
    assert cancel(book, gone)
    assert book.rows(FINISHED) == [{"completed": 3, "dead": 1, "ever": 3}]
    assert redrive(book, gone)
    assert book.rows(FINISHED) == [{"completed": 3, "dead": 0, "ever": 3}]
    check_invariants(book.url, Expectation(settled=False))


async def test_tasks_that_are_forgotten_are_counted_off_but_stay_in_the_throughput(book: TaskBook, ours: Desk) -> None:
    tasks = await finish(book, ours, 2)
    book.rows("update par.tasks set updated_at = updated_at - interval '9 days' where task_id = %(id)s", id=tasks[0])
    assert await retention.forget_tasks(ours.database, days=-1) == 2
    assert book.rows(FINISHED) == [{"completed": 0, "dead": 0, "ever": 2}]


async def test_moving_them_to_hours_days_and_for_ever_changes_no_sum(book: TaskBook, ours: Desk) -> None:
    await finish(book, ours, 2)
    for age in ("2 hours", "10 days", "500 days"):
        before = book.rows(FINISHED)
        book.rows(f"update par.task_flow set starts_at = starts_at - interval '{age}'")
        while await roll_up(ours.database):
            pass
        assert book.rows(FINISHED) == before
    assert {row["span"] for row in book.rows("select span from par.task_flow")} == {"ever"}


async def test_two_workers_that_roll_up_at_once_move_each_counter_once(book: TaskBook, ours: Desk) -> None:
    book.rows(
        "insert into par.spend_minutes (tenant_id, agent_id, minute, worker_id, provider, model, cost_microdollars,"
        " calls, input_tokens, output_tokens) select 'default', 'a' || n %% 7, par.now() - n * interval '1 minute',"
        " 'w', 'p', 'm', n, 1, 0, 0 from generate_series(70, 4069) n"
    )
    async with Database(book.url, "par_worker") as other:
        await asyncio.gather(*(roll_up(each, limit=500) for each in (ours.database, other) for _ in range(20)))
        while await roll_up(other):
            pass
    total = book.rows("select sum(cost_microdollars)::int as cost, sum(calls)::int as calls from par.spend")
    assert total == [{"cost": sum(range(70, 4070)), "calls": 4000}]


async def test_what_a_version_without_counters_finished_is_found_by_the_recount(book: TaskBook, ours: Desk) -> None:
    await finish(book, ours, 3)
    book.rows("delete from par.task_flow")
    assert sum(await asyncio.gather(*(recount(ours.database) for _ in range(3)))) == 1
    assert book.rows(FINISHED) == [{"completed": 3, "dead": 0, "ever": 0}]
    check_invariants(book.url, Expectation(settled=False))
    book.rows("delete from par.recounts")
    assert await recount(ours.database) == 0


async def test_a_recount_is_the_work_of_one_worker_and_of_few_agents_at_a_time(book: TaskBook, ours: Desk) -> None:
    agents = book.rows("select count(*)::int as number from par.agents")[0]["number"]
    book.rows(
        "insert into par.agents (tenant_id, agent_id, display_name) select 'default', 'more-' || n, 'm'"
        " from generate_series(1, 9) n"
    )
    counted = "select count(*)::int as number, count(distinct counted_at)::int as times from par.recounts"
    await recount(ours.database, for_seconds=0)
    assert book.rows(counted) == [{"number": 1, "times": 1}]
    async with Database(book.url, "par_worker") as other:
        for _ in range(agents + 9):
            await asyncio.gather(recount(ours.database), recount(other))
    assert book.rows(counted) == [{"number": agents + 9, "times": agents + 9}]
    before = book.rows("select * from par.recounts order by agent_id")
    assert await recount(ours.database) == 0
    assert book.rows("select * from par.recounts order by agent_id") == before


async def test_an_agent_is_counted_again_when_six_hours_are_over(book: TaskBook, ours: Desk) -> None:
    await finish(book, ours, 2)
    assert await recount(ours.database) == 0
    book.rows("delete from par.task_flow")
    assert await recount(ours.database) == 0
    book.rows("update par.recounts set counted_at = counted_at - interval '6 hours'")
    assert await recount(ours.database) == 1
    assert book.rows(FINISHED) == [{"completed": 2, "dead": 0, "ever": 0}]


async def test_the_ledger_the_task_and_the_agent_tell_one_sum_at_every_age(book: TaskBook, ours: Desk) -> None:
    book.submit()
    (attempt,) = await ours.claim("w")
    for cost in (140, 260):
        await attempt.step(cost=cost)
    await attempt.complete()
    for age in ("0 minutes", "2 hours", "10 days"):
        book.rows(f"update par.spend_minutes set minute = minute - interval '{age}'")
        await roll_up(ours.database)
        check_invariants(book.url, Expectation())
        assert book.rows("select sum(cost_microdollars)::int as cost from par.spend") == [{"cost": 400}]


async def test_a_call_of_unknown_price_is_counted_and_costs_nothing(book: TaskBook, ours: Desk) -> None:
    book.submit()
    (attempt,) = await ours.claim("w")
    for cost in (140, None):
        attempt.session.add_call(call_row(cost), None)
    await attempt.step()
    rows = book.rows(
        "select cost_microdollars::int as cost, calls::int, unpriced_calls::int as unpriced from par.spend"
    )
    assert rows == [{"cost": 140, "calls": 2, "unpriced": 1}]
