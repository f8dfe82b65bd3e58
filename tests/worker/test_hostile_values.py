"""What a model may say must never hang a task, harm its neighbours or be lost without a word."""

import pytest

from tests.support.invariants import Expectation, check_everything
from tests.support.tasks import TaskBook, calculation, script
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker

HOSTILE = {
    "NUL in text": script({"text": "a\x00b"}),
    "lone surrogate in text": script({"text": "a\ud800b"}),
    "NUL in a tool's name": script({"tool": "no\x00tool", "args": {}}, {"text": "done"}),
    "lone surrogate in a tool's name": script({"tool": "no\ud800tool", "args": {}}, {"text": "done"}),
    "lone surrogate in a call's id": script(
        {"tool": "calculator", "args": {"expression": "1+1"}, "id": "id\udfff"}, {"text": "done"}
    ),
    "NUL in arguments": script({"tool": "calculator", "args": {"expression": "1\x00"}}, {"text": "done"}),
    "arguments that are no JSON": script({"tool": "calculator", "args": '{"expression": '}, {"text": "done"}),
    "deep arguments": script({"tool": "calculator", "args": {"expression": [[[[[[[["x"]]]]]]]]}}, {"text": "done"}),
    "a large result": script({"text": "x" * 200_000}),
    "more tokens than an integer holds": script({"text": "many", "input_tokens": 3_000_000_000}),
    "an error with NUL and a surrogate": script({"error": {"status": 400, "message": "bad\x00\ud800"}}),
    "a passing error with NUL": script({"error": {"status": 500, "message": "bad\x00\ud800"}}),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_reply_ends_its_own_task_only(book: TaskBook, start_worker: StartWorker, name: str) -> None:
    async with start_worker(retry_base_seconds=0.01, retry_cap_seconds=0.02, drain_seconds=1):
        hostile = book.submit(HOSTILE[name], max_retries=1)
        neighbours = [book.submit(script(calculation("6*7"), {"text": "42"})) for _ in range(3)]

        async def all_ended() -> bool:
            states = {task_id: book.task(task_id)["status"] for task_id in [hostile, *neighbours]}
            return all(states[one] == "completed" for one in neighbours) and states[hostile] not in (
                "queued",
                "running",
            )

        await eventually(all_ended, f"{name}: all end", seconds=8)
    await check_everything(book.url, Expectation([hostile, *neighbours], lost_workers=[]))
