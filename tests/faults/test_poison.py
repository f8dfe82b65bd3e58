"""A task that ends its worker every time, and one that blocks its loop: bounded, and no harm to their neighbours."""

import pytest

from agent_runtime.fault_points import EXIT_CODE
from agent_runtime.worker.heartbeat import BLOCKED_LOOP_EXIT_CODE
from tests.faults.test_kill_worker import completed, runner
from tests.support.invariants import Expectation, Felt, check_everything
from tests.support.processes import Fleet, Process
from tests.support.tasks import TaskBook, calculation, script
from tests.support.waiting import eventually_sync

pytestmark = pytest.mark.serial

POISON = script({"text": "never said", "latency_seconds": 0.6})
LONG_WORK = script(*(calculation(f"{n}+1") for n in range(45)), {"text": "fine"}, latency_seconds=0.1)
STEPS = script(calculation("1+1"), {"text": "said"})


@pytest.mark.timeout(120)
async def test_a_task_that_kills_its_worker_each_time_ends_after_three_and_its_neighbours_complete(
    system: Fleet, book: TaskBook
) -> None:
    """The poison ends its worker whenever it is about to finish; its neighbours make steps all the time."""
    system.worker("healthy")
    poison = book.submit(POISON, agent_id="priced", worker_pool_id="poisoned", max_retries=10)
    neighbours = [
        book.submit(LONG_WORK, agent_id="priced", worker_pool_id="poisoned", max_retries=10) for _ in range(3)
    ]
    victims: list[Process] = []
    while book.task(poison)["status"] != "dead_letter":
        assert len(victims) < 5
        fault = "finish.before_commit:1:exit"
        victims.append(system.worker(f"victim-{len(victims)}", online=False, worker_pool="poisoned", fault=fault))
        assert victims[-1].wait_end() == EXIT_CODE
        eventually_sync(lambda: runner(book, poison) is None, "the poison is taken over", seconds=20)
    felt = Felt()
    felt.add("crash", len(victims))
    felt.require("crash")
    assert len(victims) == 3
    task = book.task(poison)
    assert (task["dead_letter_reason"], task["last_error_code"]) == ("retries_exhausted", "worker_crash")
    assert (task["crash_count"], task["attempt"]) == (3, 3)
    assert task["error_fingerprint"].startswith("v1:")
    lane = book.submit(agent_id="priced")
    book.rows("update par.tasks set worker_pool_id = 'shared'")
    book.rows("update par.queue set worker_pool_id = 'shared'")
    eventually_sync(lambda: completed(book, [lane, *neighbours]), "the neighbours complete", seconds=30)
    assert {book.task(one)["attempt"] for one in neighbours} == {4}
    await check_everything(book.url, Expectation([poison, *neighbours]))


@pytest.mark.timeout(60)
async def test_a_blocked_loop_ends_its_process_and_the_task_goes_on_elsewhere(system: Fleet, book: TaskBook) -> None:
    system.worker("healthy", worker_pool="elsewhere")
    blocked = system.worker("blocked", watchdog_seconds=1, fault="tool.before_call:1:sleep:600")
    task_id = book.submit(STEPS, agent_id="priced")
    assert blocked.wait_end(20) == BLOCKED_LOOP_EXIT_CODE
    assert blocked.log("event_loop_blocked")
    system.worker("next")
    eventually_sync(lambda: completed(book, [task_id]), "the task completes", seconds=20)
    assert book.task(task_id)["attempt"] == 2
    await check_everything(book.url, Expectation([task_id], lost_workers=["blocked"]))


@pytest.mark.long
@pytest.mark.timeout(60)
async def test_progress_between_crashes_starts_the_count_anew(system: Fleet, book: TaskBook) -> None:
    """Four crashes, each after a new step: the task is not poison and completes."""
    system.worker("taker", worker_pool="elsewhere")
    task_id = book.submit(script(*(calculation(f"{n}+1") for n in range(4)), {"text": "done"}), agent_id="priced")
    for number in range(4):
        worker = system.worker(f"crash-{number}", online=False, fault="model.before_call:2:exit")
        assert worker.wait_end() == EXIT_CODE
        eventually_sync(lambda: runner(book, task_id) is None, "it is taken over", seconds=20)
        assert book.task(task_id)["crash_count"] == 1
    system.worker("last")
    eventually_sync(lambda: completed(book, [task_id]), "the task completes", seconds=20)
    await check_everything(book.url, Expectation([task_id]))
