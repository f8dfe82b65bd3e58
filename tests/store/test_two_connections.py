"""What two statements at the same instant do to one task: one of them wins, and the loser sees it."""

import asyncio
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from agent_runtime.domain import people_moves
from agent_runtime.domain.errors import LeaseLost
from agent_runtime.domain.task_lifecycle import Change, Move
from agent_runtime.store import lease
from agent_runtime.store.claim import ClaimRequest, claim
from agent_runtime.store.queries import query
from agent_runtime.store.task_lifecycle import moves_parameter, transition
from agent_runtime.worker.maintenance.take_over import _move_of, take_over
from agent_runtime.worker.maintenance.time_out import time_out
from tests.store.test_claim import CLAIM_PARAMETERS
from tests.support.attempts import Desk
from tests.support.invariants import Expectation, check_everything, check_invariants
from tests.support.moves import cancel
from tests.support.tasks import TaskBook
from tests.support.waiting import eventually

Connection = psycopg.AsyncConnection[dict[str, Any]]


async def second(book: TaskBook) -> Connection:
    return await psycopg.AsyncConnection.connect(book.url, row_factory=dict_row)


async def blocked(book: TaskBook, number: int = 1) -> None:
    """Return when some statement waits for a lock."""

    async def waiting() -> bool:
        return len(book.rows("select pid from pg_stat_activity where wait_event_type = 'Lock'")) >= number

    await eventually(waiting, "a statement waits for a lock")


async def test_a_timeout_that_meets_a_claim_ends_the_new_attempt_too(book: TaskBook, ours: Desk) -> None:
    task_id = book.submit()
    for table in ("queue", "tasks"):
        book.rows(f"update par.{table} set deadline_at = par.now() - interval '1 second'")
    async with await second(book) as other:
        assert len(await (await other.execute(query("claim", "claim"), CLAIM_PARAMETERS)).fetchall()) == 1
        ending = asyncio.create_task(time_out(ours.database))
        await blocked(book)
        await other.commit()
        await ending
    assert book.task(task_id)["status"] == "dead_letter"
    check_invariants(book.url, Expectation([task_id]))


async def test_a_cancel_that_meets_a_claim_ends_the_new_attempt_too(book: TaskBook, ours: Desk) -> None:
    task_id = book.submit()
    async with await second(book) as other:
        await other.execute(query("claim", "claim"), CLAIM_PARAMETERS)
        ending = asyncio.create_task(asyncio.to_thread(cancel, book, task_id))
        await blocked(book)
        await other.commit()
        assert await ending
    check_invariants(book.url, Expectation([task_id]))


async def test_a_claim_passes_over_a_task_that_is_being_cancelled(book: TaskBook, ours: Desk) -> None:
    book.submit()
    async with await second(book) as other:
        move = people_moves.cancel("default", str(book.rows("select task_id from par.tasks")[0]["task_id"]))
        await other.execute(query("task_lifecycle", "transition"), {"moves": moves_parameter([move])})
        assert await claim(ours.database, ClaimRequest("w", "shared", 5)) == []
    check_invariants(book.url)


async def test_a_write_waits_for_the_verdict_on_its_attempt(book: TaskBook, ours: Desk) -> None:
    """A takeover that has not committed yet: the write neither lands nor is given up before it is known."""
    book.submit()
    (attempt,) = await ours.claim("w")
    await attempt.step()
    async with await second(book) as other:
        rows = await lease.orphans(ours.database)
        await transition(other, [_move_of(rows[0])])
        writing = asyncio.create_task(attempt.step())
        done, _ = await asyncio.wait([writing], timeout=0.1)
        assert not done
        await other.commit()
        with pytest.raises(LeaseLost):
            await writing
    assert len(book.rows("select checkpoint_id from par.checkpoints")) == 1
    check_invariants(book.url, Expectation(settled=False))


async def test_a_write_lands_when_the_takeover_is_taken_back(book: TaskBook, ours: Desk) -> None:
    book.submit()
    (attempt,) = await ours.claim("w")
    await attempt.step()
    async with await second(book) as other:
        rows = await lease.orphans(ours.database)
        await transition(other, [_move_of(rows[0])])
        writing = asyncio.create_task(attempt.step())
        await asyncio.wait([writing], timeout=0.05)
        await other.rollback()
        await writing
    await attempt.complete()
    await check_everything(book.url)


async def test_neighbours_commit_while_one_attempt_is_locked(book: TaskBook, ours: Desk) -> None:
    for _ in range(4):
        book.submit()
    locked, *others = await ours.claim("w", 4)
    async with await second(book) as other:
        await other.execute("select from par.attempts where task_id = %s for update", [locked.task.task_id])
        writing = asyncio.create_task(locked.step())
        await asyncio.wait_for(asyncio.gather(*(one.step() for one in others)), 2)
        assert not writing.done()
        await other.rollback()
        await writing
    check_invariants(book.url, Expectation(settled=False))


@pytest.mark.parametrize("loser", [Change.COMPLETE, Change.CANCEL])
async def test_completing_against_cancelling_has_one_winner(book: TaskBook, ours: Desk, loser: Change) -> None:
    task_id = book.submit()
    (attempt,) = await ours.claim("w")
    await attempt.step()
    async with await second(book) as other:
        if loser is Change.COMPLETE:
            await transition(other, [people_moves.cancel("default", task_id)])
            losing = asyncio.create_task(attempt.complete())
            await blocked(book)
            await other.commit()
            with pytest.raises(LeaseLost):
                await losing
        else:
            await transition(other, [Move("default", task_id, Change.COMPLETE, attempt=1, output="{}")])
            refused = asyncio.create_task(asyncio.to_thread(cancel, book, task_id))
            await blocked(book)
            await other.commit()
            assert not await refused
    assert book.task(task_id)["status"] == ("dead_letter" if loser is Change.COMPLETE else "completed")
    check_invariants(book.url)


async def test_two_reapers_move_a_task_once(book: TaskBook, ours: Desk) -> None:
    task_id = book.submit()
    await ours.claim("gone")
    counts = await asyncio.gather(*(take_over(ours.database) for _ in range(5)))
    assert sum(counts) == 1
    assert book.task(task_id)["crash_count"] == 1
    check_invariants(book.url, Expectation(settled=False))


async def test_flushes_moves_and_cancels_of_many_tasks_never_deadlock(book: TaskBook, ours: Desk) -> None:
    book.add_priced_agent("priced")
    tasks = [book.submit(agent_id="priced") for _ in range(40)]
    attempts = await ours.claim("w", 40)
    before = _deadlocks(book)

    async def run(number: int) -> None:
        attempt = attempts[number]
        try:
            for _ in range(4):
                await attempt.step(cost=140)
            await attempt.complete()
        except LeaseLost:
            pass

    async def disturb() -> None:
        for task_id in tasks[::3]:
            await asyncio.to_thread(cancel, book, task_id)
        await take_over(ours.database)

    await asyncio.gather(disturb(), *(run(number) for number in range(40)))
    assert _deadlocks(book) == before
    await check_everything(book.url, Expectation(tasks, settled=False))


def _deadlocks(book: TaskBook) -> int:
    rows = book.rows("select deadlocks from pg_stat_database where datname = current_database()")
    return int(rows[0]["deadlocks"])
