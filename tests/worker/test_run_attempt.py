"""A claimed task runs to its outcome, and every step is there to be read."""

from tests.support.tasks import TaskBook, calculation, script
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker


async def test_a_task_runs_its_tools_and_completes_with_its_last_text(book: TaskBook, start_worker: StartWorker) -> None:
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
