"""SIGTERM: what runs is handed over without counting a try, and the process ends in time."""

import time
from typing import Any

import pytest

from tests.faults.conftest import OPENAI_AGENT
from tests.faults.test_kill_worker import completed, runner, ten_steps
from tests.support.invariants import Expectation, check_bill, check_everything
from tests.support.model_server_process import ModelServerProcess
from tests.support.processes import Fleet
from tests.support.tasks import TaskBook, script
from tests.support.waiting import eventually_sync

pytestmark = pytest.mark.serial


@pytest.mark.timeout(90)
async def test_a_stopped_worker_hands_over_at_the_border_of_a_step(
    system: Fleet, book: TaskBook, model_server: ModelServerProcess
) -> None:
    stopped = system.worker("stopped")
    tasks = [book.submit(ten_steps(f"drain-{n}", latency=0.2), agent_id=OPENAI_AGENT) for n in range(10)]
    eventually_sync(lambda: len(model_server.log()) > 20, "work is under way", seconds=20)
    began = time.monotonic()
    assert stopped.terminate() == 0
    assert time.monotonic() - began < 5
    system.worker("next")
    eventually_sync(lambda: completed(book, tasks), "all complete elsewhere", seconds=30)
    check_bill(model_server, book, exact=True)
    rows = book.rows("select retry_count, crash_count, attempt from par.tasks")
    assert {(row["retry_count"], row["crash_count"]) for row in rows} == {(0, 0)}
    outcomes = book.rows("select distinct outcome from par.attempts where worker_id = 'stopped'")
    assert "hand_over" in {row["outcome"] for row in outcomes}
    await check_everything(book.url, Expectation(tasks, lost_workers=[]))


@pytest.mark.timeout(90)
@pytest.mark.parametrize("long_step", ["model", pytest.param("tool", marks=pytest.mark.long)])
async def test_a_step_that_outlasts_the_grace_is_cut_off_and_handed_over(
    system: Fleet, book: TaskBook, long_step: str
) -> None:
    stopped = system.worker("stopped", drain_seconds=1)
    slow: dict[str, dict[str, Any]] = {
        "model": {"text": "x", "latency_seconds": 5},
        "tool": {"tool": "dev_sleep", "args": {"seconds": 5}},
    }
    task_id = book.submit(script(slow[long_step], {"text": "done"}), agent_id="priced")
    eventually_sync(lambda: runner(book, task_id) == "stopped", "it runs")
    began = time.monotonic()
    assert stopped.terminate() == 0
    assert time.monotonic() - began < 4
    assert book.events(task_id)[-1] == "task_handed_over"
    system.worker("next")
    eventually_sync(lambda: completed(book, [task_id]), "it completes elsewhere", seconds=20)
    task = book.task(task_id)
    assert (task["retry_count"], task["crash_count"]) == (0, 0)
    await check_everything(book.url, Expectation([task_id], lost_workers=[]))
