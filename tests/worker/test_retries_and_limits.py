"""Retries, limits and cancels of one task, on a worker in this process."""

import asyncio

import pytest

from agent_runtime.store.claim import claim
from agent_runtime.worker import claim_loop
from tests.support.invariants import Expectation, check_everything
from tests.support.moves import cancel, follow_up, redrive
from tests.support.tasks import TaskBook, calculation, script
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker

QUICK = {"retry_base_seconds": 0.01, "retry_cap_seconds": 0.02}


async def reaches(book: TaskBook, task_id: str, *statuses: str) -> None:
    async def there() -> bool:
        return book.task(task_id)["status"] in statuses

    await eventually(there, f"the task is {statuses}")


async def tells(book: TaskBook, task_id: str, name: str) -> None:
    async def told() -> bool:
        return name in book.events(task_id)

    await eventually(told, f"the task tells of {name}")


async def test_failures_without_progress_end_after_the_last_try(book: TaskBook, start_worker: StartWorker) -> None:
    async with start_worker(**QUICK):
        task_id = book.submit(script(calculation("1+1"), {"error": {"status": 500, "message": "down"}}), max_retries=2)
        await reaches(book, task_id, "dead_letter")
    task = book.task(task_id)
    assert (task["dead_letter_reason"], task["last_error_code"], task["attempt"]) == (
        "retries_exhausted",
        "provider_error",
        3,
    )
    assert book.events(task_id).count("task_retry_scheduled") == 2
    assert [entry["retry_count"] for entry in task["retry_history"]] == [1, 2]
    await check_everything(book.url, Expectation([task_id]))


async def test_max_steps_bounds_a_run_over_its_attempts(book: TaskBook, start_worker: StartWorker) -> None:
    endless = script(*(calculation(f"{n}+1") for n in range(20)), {"text": "never"})
    async with start_worker():
        task_id = book.submit(endless, max_steps=5)
        await reaches(book, task_id, "dead_letter")
        task = book.task(task_id)
        assert (task["dead_letter_reason"], task["step_count"]) == ("max_steps_exceeded", 5)
        assert redrive(book, task_id)
        await reaches(book, task_id, "dead_letter")
    assert book.task(task_id)["step_count"] == 10
    await check_everything(book.url, Expectation([task_id]))


@pytest.mark.parametrize("kind", ["one long call", "backoff"])
async def test_the_timeout_counts_from_the_first_claim_backoff_included(
    book: TaskBook, start_worker: StartWorker, kind: str
) -> None:
    work = {
        "one long call": script({"text": "late", "latency_seconds": 30}),
        "backoff": script({"error": {"status": 429, "retry_after": 30}}),
    }[kind]
    async with start_worker():
        task_id = book.submit(work, task_timeout_seconds=1)
        await reaches(book, task_id, "dead_letter")
    task = book.task(task_id)
    assert (task["dead_letter_reason"], task["last_error_code"]) == ("task_timeout", "task_timeout")
    await check_everything(book.url, Expectation([task_id]))


CANCELLED_AT = {
    "model": (script(calculation("1+1"), {"text": "late", "latency_seconds": 30}), "tool_result"),
    "tool": (script({"tool": "dev_sleep", "args": {"seconds": 30}}, {"text": "late"}), "tool_call"),
    "claim": (script({"text": "late", "latency_seconds": 30}), "task_claimed"),
    "backoff": (script({"error": {"status": 429, "retry_after": 30}}), "task_retry_scheduled"),
}


@pytest.mark.parametrize("state", CANCELLED_AT)
async def test_a_cancel_at_any_state_ends_the_task_once_and_a_redrive_goes_on(
    book: TaskBook, start_worker: StartWorker, state: str
) -> None:
    book.add_priced_agent("priced")
    text, sign = CANCELLED_AT[state]
    async with start_worker() as worker:
        task_id = book.submit(text, agent_id="priced")
        await tells(book, task_id, sign)
        results = await asyncio.gather(*(asyncio.to_thread(cancel, book, task_id) for _ in range(10)))
        assert sum(results) == 1
        await worker._drop_ended_attempts()

        async def dropped() -> bool:
            return not worker._attempts

        await eventually(dropped, "the worker drops it")
        assert book.events(task_id).count("task_cancelled") == 1
        await check_everything(book.url, Expectation([task_id]))
        neighbour = book.submit(script(calculation("6*7"), {"text": "42"}))
        await reaches(book, neighbour, "completed")
    await check_everything(book.url, Expectation([task_id, neighbour]))


async def test_a_follow_up_goes_on_with_what_was_said(book: TaskBook, start_worker: StartWorker) -> None:
    async with start_worker():
        task_id = book.submit(script(calculation("1+1"), {"text": "first"}))
        await reaches(book, task_id, "completed")
        assert follow_up(book, task_id, "and now?")
        await eventually_second_run(book, task_id)
    runs = book.rows(
        "select run_number, status, output from par.runs where task_id = %(id)s order by run_number", id=task_id
    )
    assert [run["status"] for run in runs] == ["completed", "completed"]
    assert runs[1]["output"]["result"] == "You said: and now?"
    await check_everything(book.url, Expectation([task_id]))


async def eventually_second_run(book: TaskBook, task_id: str) -> None:
    async def there() -> bool:
        task = book.task(task_id)
        return bool(task["run_number"] == 2 and task["status"] == "completed")

    await eventually(there, "the second run completes")


async def test_a_claim_that_is_under_way_when_the_worker_stops_is_handed_over(
    book: TaskBook, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine, claimed, go_on = claim, asyncio.Event(), asyncio.Event()

    async def slow_claim(*arguments: object) -> object:
        rows = await genuine(*arguments)  # type: ignore[arg-type]
        if rows:
            claimed.set()
            await go_on.wait()
        return rows

    monkeypatch.setattr(claim_loop, "claim", slow_claim)
    async with start_worker(drain_seconds=1) as worker:
        task_id = book.submit(script({"text": "x", "latency_seconds": 5}))
        await asyncio.wait_for(claimed.wait(), 5)
        worker.stop()
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.2, go_on.set)
    assert book.events(task_id)[-1] == "task_handed_over"
    await check_everything(book.url, Expectation([task_id], settled=False, lost_workers=[]))


async def test_a_claim_that_fails_in_an_unexpected_way_is_tried_again(
    book: TaskBook, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine, failures = claim, iter([RuntimeError("unforeseen"), RuntimeError("again")])

    async def failing_claim(*arguments: object) -> object:
        for failure in failures:
            raise failure
        return await genuine(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(claim_loop, "claim", failing_claim)
    async with start_worker(poll_seconds=0.02):
        task_id = book.submit()
        await reaches(book, task_id, "completed")
    assert next(failures, None) is None
