"""`kill -9` of workers: nothing is lost, nothing finished is repeated, and others go on within a second."""

import random
import time

import pytest

from tests.faults.conftest import OPENAI_AGENT
from tests.support.invariants import Expectation, Felt, check_bill, check_everything
from tests.support.model_server_process import ModelServerProcess
from tests.support.moves import redrive
from tests.support.processes import Fleet, Process
from tests.support.tasks import TaskBook, calculation, script
from tests.support.waiting import eventually_sync

pytestmark = pytest.mark.serial


def ten_steps(task: str, latency: float = 0.1, steps: int = 10) -> str:
    return script(
        *(calculation(f"{n}+1") for n in range(1, steps)), {"text": "done"}, latency_seconds=latency, task=task
    )


def runner(book: TaskBook, task_id: str) -> str | None:
    rows = book.rows(
        "select worker_id from par.attempts where task_id = %(task_id)s and ended_at is null", task_id=task_id
    )
    return rows[0]["worker_id"] if rows else None


def ended(book: TaskBook, task_ids: list[str]) -> bool:
    rows = book.rows(
        "select count(*) as open from par.tasks where task_id = any(%(ids)s) and status in ('queued', 'running')",
        ids=task_ids,
    )
    return bool(rows[0]["open"] == 0)


def completed(book: TaskBook, task_ids: list[str]) -> bool:
    rows = book.rows(
        "select task_id, status, last_error_message from par.tasks where task_id = any(%(ids)s)", ids=task_ids
    )
    wrong = [row for row in rows if row["status"] == "dead_letter"]
    assert not wrong, f"dead letters: {wrong[:3]}"
    return all(row["status"] == "completed" for row in rows)


@pytest.mark.timeout(90)
async def test_five_kills_of_the_working_worker_cost_under_a_second_each_and_no_finished_step(
    system: Fleet, book: TaskBook, model_server: ModelServerProcess
) -> None:
    system.workers(6)
    task_id = book.submit(ten_steps("five-kills", latency=0.25, steps=24), agent_id=OPENAI_AGENT)
    felt, gaps = Felt(), []
    killed: list[str] = []
    for _ in range(5):
        working = eventually_sync(lambda: runner(book, task_id), "a worker runs the task") or ""
        more_steps_are_made(model_server, 3)
        process = system.named(working)
        killed_at = time.monotonic()
        process.kill()
        killed.append(working)
        runs_elsewhere(book, task_id, working)
        gaps.append(time.monotonic() - killed_at)
        felt.add("takeover")
    eventually_sync(lambda: completed(book, [task_id]), "the task completes", seconds=30)
    felt.require("takeover")
    task = book.task(task_id)
    assert task["attempt"] == 6
    assert max(gaps) < 1.0, f"takeover took {[round(gap, 3) for gap in gaps]} s"
    check_bill(model_server, book)
    await check_everything(book.url, Expectation([task_id], lost_workers=killed))


def more_steps_are_made(server: ModelServerProcess, number: int) -> None:
    seen = len(server.log())
    eventually_sync(lambda: len(server.log()) >= seen + number, "more steps are made", every=0.02)


def runs_elsewhere(book: TaskBook, task_id: str, before: str) -> None:
    eventually_sync(
        lambda: runner(book, task_id) not in (None, before), "another worker runs it", seconds=5, every=0.01
    )


def kill_loop(
    system: Fleet, book: TaskBook, tasks: list[str], *, seconds: float, pause: tuple[float, float], seed: int
) -> list[str]:
    """Kill a random worker again and again, each replaced at once; gives the killed ones."""
    choice = random.Random(seed)
    live: list[Process] = system.workers(4)
    starting: list[Process] = []
    killed: list[str] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until and not ended(book, tasks):
        time.sleep(choice.uniform(*pause))
        victim = live.pop(choice.randrange(len(live)))
        victim.kill()
        killed.append(victim.name)
        starting.append(system.worker(online=False))
        ready = [process for process in starting if process.log("worker_online")]
        live, starting = live + ready, [process for process in starting if process not in ready]
        if len(live) < 2:
            system.wait_online(starting[0])
            live.append(starting.pop(0))
    return killed


def redrive_the_unlucky(book: TaskBook, task_ids: list[str]) -> None:
    """Three kills within one step end a task as a crashing one, by its contract; a redrive goes on from there."""
    rows = book.rows(
        "select task_id, dead_letter_reason, last_error_code, crash_count from par.tasks"
        " where task_id = any(%(ids)s) and status = 'dead_letter'",
        ids=task_ids,
    )
    for row in rows:
        why = (row["dead_letter_reason"], row["last_error_code"], row["crash_count"])
        assert why == ("retries_exhausted", "worker_crash", 3)
        assert redrive(book, str(row["task_id"]))


async def run_kill_loop(
    system: Fleet,
    book: TaskBook,
    server: ModelServerProcess,
    *,
    tasks: int,
    seconds: float,
    pause: tuple[float, float],
    seed: int,
) -> None:
    ids = [
        book.submit(ten_steps(f"loop-{seed}-{n}", latency=0.3), agent_id=OPENAI_AGENT, max_retries=10)
        for n in range(tasks)
    ]
    killed = kill_loop(system, book, ids, seconds=seconds, pause=pause, seed=seed)
    eventually_sync(lambda: ended(book, ids), f"all tasks end (seed {seed})", seconds=60)
    taken = book.rows("select count(*) as n from par.attempts where outcome = 'lease_expired'")[0]["n"]
    felt = Felt()
    felt.add("kill", len(killed))
    felt.add("takeover of a task", taken)
    felt.require("kill", "takeover of a task")
    redrive_the_unlucky(book, ids)
    eventually_sync(lambda: completed(book, ids), "all tasks complete", seconds=60)
    check_bill(server, book)
    await check_everything(book.url, Expectation(ids, lost_workers=killed))


@pytest.mark.timeout(120)
async def test_workers_killed_at_random_lose_nothing(
    system: Fleet, book: TaskBook, model_server: ModelServerProcess
) -> None:
    await run_kill_loop(system, book, model_server, tasks=40, seconds=12, pause=(0.5, 2), seed=1)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [11, 12, 13, 14])
async def test_workers_killed_at_random_for_long_lose_nothing(
    system: Fleet, book: TaskBook, model_server: ModelServerProcess, seed: int
) -> None:
    await run_kill_loop(system, book, model_server, tasks=200, seconds=60, pause=(0.5, 3), seed=seed)
