"""A worker that ends at any named point: the result is that of a run without faults, but for its attempts."""

from dataclasses import dataclass
from typing import Any

import pytest

from agent_runtime.fault_points import EXIT_CODE, POINTS
from tests.faults.test_kill_worker import completed, runner
from tests.support.invariants import Expectation, Felt, check_everything
from tests.support.processes import Fleet, Process
from tests.support.tasks import TaskBook, calculation, script
from tests.support.waiting import eventually_sync

pytestmark = pytest.mark.serial

WORK = script(
    calculation("1+1"),
    {
        "tools": [calculation("2+2"), {"tool": "dev_sleep", "args": {"seconds": 0.15}}, calculation("3+3")],
        "text": "three",
    },
    calculation("4+4"),
    {"text": "the end"},
)
# How often a worker that does all of WORK by itself reaches each point, at least.
REACHED = {
    "claim.committed": 1,
    "attempt.started": 1,
    "model.before_call": 4,
    "model.returned": 4,
    "tool.before_call": 5,
    "tool.after_call": 5,
    "flush.before_commit": 4,
    "flush.after_commit": 4,
    "finish.before_commit": 1,
    "finish.after_commit": 1,
}
ELSEWHERE = {
    "submit.committed": "the API, see test_api_faults",
    "cancel.committed": "the API, see test_api_faults",
    "redrive.committed": "the API, see test_api_faults",
    "answer.committed": "the API, see test_human_answers",
    "takeover.before_commit": "below",
    "takeover.after_commit": "below",
    "drain.before_handover": "below",
    "artifact.writing": "see test_artifact_faults",
    "artifact.stored": "see test_artifact_faults",
    "artifact.named": "see test_artifact_faults",
}
FIRST_TIMES = [(point, nth) for point, times in REACHED.items() for nth in (1, min(times, 3)) if nth <= times]
ALL_TIMES = [(point, nth) for point, times in REACHED.items() for nth in range(1, times + 1)]


def test_every_point_is_swept() -> None:
    assert set(REACHED) | set(ELSEWHERE) == POINTS


@dataclass(frozen=True)
class Outcome:
    """What must be the same with and without a crash."""

    output: Any
    steps: int
    told: list[tuple[str, str | None, bool | None]]
    checkpoints: list[tuple[int, str | None]]


def outcome_of(book: TaskBook, task_id: str) -> Outcome:
    task = book.task(task_id)
    told = book.rows(
        "select kind, tool_call_id, is_error from par.events"
        " where task_id = %(id)s and kind <> 'event' order by sequence",
        id=task_id,
    )
    steps = book.rows(
        "select step_number, node_name from par.checkpoints where task_id = %(id)s order by checkpoint_id", id=task_id
    )
    return Outcome(
        task["output"],
        task["step_count"],
        # Parallel calls may end in another order.
        sorted((row["kind"], row["tool_call_id"], row["is_error"]) for row in told),
        [(row["step_number"], row["node_name"]) for row in steps],
    )


def crash(system: Fleet, book: TaskBook, point: str, nth: int) -> tuple[str, Process]:
    """A task in a pool of its own whose only worker ends at the point; gives the task and the worker."""
    pool = f"{point}-{nth}"
    task_id = book.submit(WORK, agent_id="priced", worker_pool_id=pool)
    return task_id, system.worker(f"crashes-{pool}", online=False, worker_pool=pool, fault=f"{point}:{nth}:exit")


def leave_to_others(book: TaskBook, task_id: str) -> None:
    """Move a task to the pool of the workers that live."""
    book.rows("update par.tasks set worker_pool_id = 'shared' where task_id = %(id)s", id=task_id)
    book.rows("update par.queue set worker_pool_id = 'shared' where task_id = %(id)s", id=task_id)


async def sweep(system: Fleet, book: TaskBook, cases: list[tuple[str, int]]) -> None:
    system.worker("rescuer")
    whole = book.submit(WORK, agent_id="priced")
    eventually_sync(lambda: completed(book, [whole]), "the run without a fault completes")
    expected, cost = outcome_of(book, whole), book.task(whole)["cost_microdollars"]
    tasks: dict[str, str] = {}
    for start in range(0, len(cases), 4):
        crashing = {case: crash(system, book, *case) for case in cases[start : start + 4]}
        for case, (task_id, process) in crashing.items():
            assert process.wait_end(40) == EXIT_CODE, f"{case}: {process.text[-500:]}"
            leave_to_others(book, task_id)
            tasks[task_id] = f"{case[0]}:{case[1]}"
    eventually_sync(lambda: completed(book, list(tasks)), "all tasks complete", seconds=30)
    for task_id, name in tasks.items():
        assert outcome_of(book, task_id) == expected, name
        assert book.task(task_id)["attempt"] == (1 if name.startswith("finish.after") else 2), name
        estimated = book.rows(
            "select coalesce(sum(cost_microdollars), 0)::bigint as cost from par.ledger"
            " where estimated and task_id = %(id)s",
            id=task_id,
        )
        assert book.task(task_id)["cost_microdollars"] == cost + estimated[0]["cost"], name
    await check_everything(book.url, Expectation(list(tasks)))


@pytest.mark.timeout(150)
async def test_a_worker_that_ends_at_a_point_changes_nothing_but_attempts(system: Fleet, book: TaskBook) -> None:
    await sweep(system, book, sorted(set(FIRST_TIMES)))


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_worker_that_ends_at_any_reach_of_any_point_changes_nothing_but_attempts(
    system: Fleet, book: TaskBook
) -> None:
    await sweep(system, book, ALL_TIMES)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "point", ["takeover.before_commit", pytest.param("takeover.after_commit", marks=pytest.mark.long)]
)
async def test_a_worker_that_ends_while_it_takes_over_leaves_the_task_to_the_next(
    system: Fleet, book: TaskBook, point: str
) -> None:
    victim = system.worker("victim")
    taker = system.worker("taker", worker_pool="elsewhere", fault=f"{point}:1:exit")
    task_id = book.submit(script({"tool": "dev_sleep", "args": {"seconds": 1}}, {"text": "the end"}), agent_id="priced")
    eventually_sync(lambda: runner(book, task_id) == "victim", "the victim runs it")
    victim.kill()
    assert taker.wait_end() == EXIT_CODE
    system.worker("third")
    eventually_sync(lambda: completed(book, [task_id]), "the task completes", seconds=20)
    assert book.task(task_id)["attempt"] == 2
    await check_everything(book.url, Expectation([task_id], lost_workers=["victim", "taker"]))


@pytest.mark.timeout(60)
async def test_a_worker_that_ends_while_it_drains_loses_nothing(system: Fleet, book: TaskBook) -> None:
    draining = system.worker("draining", fault="drain.before_handover:1:exit")
    task_id = book.submit(script({"tool": "dev_sleep", "args": {"seconds": 1}}, {"text": "the end"}), agent_id="priced")
    eventually_sync(lambda: runner(book, task_id) == "draining", "it runs")
    assert draining.terminate() == EXIT_CODE
    system.worker("next")
    eventually_sync(lambda: completed(book, [task_id]), "the task completes", seconds=20)
    felt = Felt()
    felt.add("crash", book.task(task_id)["attempt"] - 1)
    felt.require("crash")
    await check_everything(book.url, Expectation([task_id], lost_workers=["draining"]))
