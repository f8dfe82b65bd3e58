"""A claimed task runs to its outcome, and every step is there to be read."""

from tests.support.tasks import TaskBook, calculation, script
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker


async def test_a_task_runs_its_tools_and_completes_with_its_last_text(
    book: TaskBook, start_worker: StartWorker
) -> None:
    task_id = book.submit(script(calculation("6*7"), {"text": "it is 42"}))
    async with start_worker():
        await _reaches(book, task_id, "completed")
    task = book.task(task_id)
    assert task["output"] == {"result": "it is 42", "structured": None}
    assert task["step_count"] == 3
    assert book.events(task_id) == [
        "task_submitted",
        "task_claimed",
        "user_turn",
        "model_turn",
        "tool_call",
        "tool_result",
        "model_turn",
        "task_completed",
    ]


async def _reaches(book: TaskBook, task_id: str, status: str) -> None:
    async def there() -> bool:
        return bool(book.task(task_id)["status"] == status)

    await eventually(there, f"task {task_id} is {status}", seconds=10)


async def test_a_task_pauses_at_the_checkpoint_that_reaches_its_budget(
    book: TaskBook, start_worker: StartWorker
) -> None:
    book.add_priced_agent("priced", budget_max_per_task=1000)
    task_id = book.submit(script(*[calculation(f"{n}+1") for n in range(20)], {"text": "done"}), agent_id="priced")
    async with start_worker():
        await _reaches(book, task_id, "paused")
    task = book.task(task_id)
    assert task["pause_reason"] == "budget_per_task"
    assert task["cost_microdollars"] >= 1000


async def test_an_hourly_pause_clears_by_itself_when_the_budget_is_raised(
    book: TaskBook, start_worker: StartWorker
) -> None:
    book.add_priced_agent("priced", budget_max_per_hour=1000)
    task_id = book.submit(script(*[calculation(f"{n}+1") for n in range(20)], {"text": "done"}), agent_id="priced")
    async with start_worker():
        await _reaches(book, task_id, "paused")
        assert book.task(task_id)["pause_reason"] == "budget_per_hour"
        assert book.task(task_id)["resume_eligible_at"] is not None
        book.rows("update par.agents set budget_max_per_hour = 100000000 where agent_id = 'priced'")
        await _reaches(book, task_id, "completed")


async def test_a_call_that_outlasts_the_lease_many_times_is_started_once(
    book: TaskBook, start_worker: StartWorker
) -> None:
    task_id = book.submit(script({"tool": "dev_sleep", "args": {"seconds": 5}}, {"text": "rested"}))
    quick = {"lease_seconds": 1, "heartbeat_seconds": 0.2, "watchdog_seconds": 0.6}
    async with start_worker("worker-1", **quick), start_worker("worker-2", **quick):
        await _reaches(book, task_id, "completed")
    assert book.task(task_id)["attempt"] == 1
    assert book.events(task_id).count("tool_result") == 1
