"""A worker that freezes past its lease and wakes again: its task went on elsewhere, its own writes are refused."""

from typing import Any

import pytest

from tests.faults.conftest import OPENAI_AGENT
from tests.faults.test_kill_worker import completed, runner, ten_steps
from tests.support.invariants import Expectation, Felt, check_bill, check_everything
from tests.support.model_server_process import ModelServerProcess
from tests.support.processes import Fleet
from tests.support.tasks import TaskBook
from tests.support.waiting import eventually_sync

pytestmark = pytest.mark.serial

SHORT_LEASE: dict[str, Any] = {"lease_seconds": 3, "heartbeat_seconds": 0.3, "watchdog_seconds": 2.5}


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    "point", [pytest.param("flush.before_commit:4:stop", marks=pytest.mark.long), "finish.before_commit:1:stop"]
)
async def test_a_write_of_a_worker_that_overslept_is_refused(
    system: Fleet, book: TaskBook, model_server: ModelServerProcess, point: str
) -> None:
    """It stops itself at the instant before it writes, so that the write is the first thing it does when it wakes."""
    task_id = book.submit(ten_steps("overslept"), agent_id=OPENAI_AGENT)
    sleeper = system.worker("sleeper", fault=point, **SHORT_LEASE)
    eventually_sync(lambda: "fault point" in sleeper.text, "it stops", seconds=20)
    system.worker("other", **SHORT_LEASE)
    eventually_sync(
        lambda: runner(book, task_id) == "other" or completed(book, [task_id]), "another runs it", seconds=20
    )
    sleeper.thaw()
    eventually_sync(lambda: sleeper.log("write_fenced"), "its write is refused")
    eventually_sync(lambda: completed(book, [task_id]), "the task completes", seconds=20)
    felt = Felt()
    felt.add("fenced write", len(sleeper.log("write_fenced")))
    felt.require("fenced write")
    assert book.task(task_id)["attempt"] == 2
    check_bill(model_server, book)
    await check_everything(book.url, Expectation([task_id], lost_workers=["sleeper"]))
    fresh = book.submit("hello")
    eventually_sync(lambda: completed(book, [fresh]), "work goes on")
    assert sleeper.alive
    assert sleeper.log("session_lost")


@pytest.mark.timeout(90)
async def test_a_worker_that_freezes_within_its_lease_keeps_its_tasks(system: Fleet, book: TaskBook) -> None:
    sleeper, _ = (
        system.worker("sleeper", lease_seconds=8),
        system.worker("other", lease_seconds=8, max_concurrent_tasks=1),
    )
    tasks = [book.submit(ten_steps(f"nap-{n}", latency=0.05, steps=8)) for n in range(12)]
    eventually_sync(lambda: book.rows("select attempt from par.attempts where worker_id = 'sleeper'"), "it has some")
    sleeper.freeze()
    beats = book.rows("select last_heartbeat_at from par.worker_sessions where worker_id = 'other'")
    late = (
        "select worker_id from par.worker_sessions"
        " where worker_id = 'sleeper' and last_heartbeat_at < par.now() - interval '3 s'"
    )
    eventually_sync(lambda: book.rows(late), "it has missed its beats for three seconds", seconds=15)
    assert beats
    sleeper.thaw()
    eventually_sync(lambda: completed(book, tasks), "all tasks complete", seconds=20)
    await check_everything(book.url, Expectation(tasks, lost_workers=[], lease_seconds=8))


@pytest.mark.timeout(90)
async def test_a_frozen_worker_with_many_tasks_loses_all_and_writes_none(system: Fleet, book: TaskBook) -> None:
    sleeper = system.worker("sleeper", **SHORT_LEASE)
    tasks = [book.submit(ten_steps(f"many-{n}", latency=0.3), agent_id="priced") for n in range(30)]
    paid = "select call_id from par.ledger"
    eventually_sync(lambda: len(book.rows(paid)) > 40, "work is under way", seconds=20)
    sleeper.freeze()
    system.worker("other", **SHORT_LEASE)
    eventually_sync(
        lambda: len(book.rows("select 1 as one from par.attempts where worker_id = 'other'")) == 30,
        "all run elsewhere",
        seconds=20,
    )
    sleeper.thaw()
    eventually_sync(lambda: sleeper.log("session_lost"), "it sees that its session is lost")
    eventually_sync(lambda: completed(book, tasks), "all tasks complete", seconds=30)
    await check_everything(book.url, Expectation(tasks, lost_workers=["sleeper"]))
