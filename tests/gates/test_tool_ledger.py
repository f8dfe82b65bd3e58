"""The ledger says of each call that must not run twice what became of it."""

from typing import Any

from tests.gates.conftest import Desk, call
from tests.support.tasks import TaskBook
from tests.worker.conftest import StartWorker

UNSAFE: dict[str, Any] = {
    "allowed_tools": ["calculator", "dev_sleep"],
    "tool_policies": {"dev_sleep": {"idempotent": False}},
}


def ledger(url: str) -> list[tuple[str, str]]:
    rows = TaskBook(url).rows("select tool_call_id, state from par.tool_calls order by tool_call_id")
    return [(row["tool_call_id"], row["state"]) for row in rows]


async def test_a_call_that_ends_well_or_with_an_error_is_told_from_each_other(
    desk: Desk, start_worker: StartWorker, database_url: str
) -> None:
    await desk.agent(**UNSAFE)
    good, bad = call("dev_sleep", "call-a", seconds=0), call("dev_sleep", "call-b", seconds=-1)
    async with start_worker():
        task_id = await desk.submit(good, bad, call("calculator", "call-c", expression="1"), {"text": "done"})
        await desk.reaches(task_id, "completed")
    assert ledger(database_url) == [("call-a", "succeeded")], "only what may not run twice, and only what was started"


async def test_a_call_that_is_given_up_is_of_unknown_outcome_and_the_model_goes_on(
    desk: Desk, start_worker: StartWorker, database_url: str
) -> None:
    await desk.agent(**UNSAFE)
    async with start_worker(tool_timeout_seconds=0.3):
        task_id = await desk.submit(call("dev_sleep", "call-a", seconds=60), {"text": "done"})
        await desk.reaches(task_id, "completed")
    assert ledger(database_url) == [("call-a", "unknown")]
    assert "task_approval_requested" not in await desk.event_types(task_id)


async def test_a_call_that_a_budget_holds_back_was_not_started_and_needs_no_persons_word(
    desk: Desk, start_worker: StartWorker, database_url: str
) -> None:
    book = TaskBook(database_url)
    book.add_priced_agent("thrifty", config=UNSAFE, budget_max_per_task=1)
    async with start_worker():
        task_id = await desk.submit(call("dev_sleep", "call-a", seconds=0), {"text": "done"}, agent_id="thrifty")
        await desk.reaches(task_id, "paused")
        assert ledger(database_url) == []
        book.rows("update par.agents set budget_max_per_task = null where agent_id = 'thrifty'")
        assert (await desk.act(task_id, "resume")).status_code == 200
        task = await desk.reaches(task_id, "completed", "waiting_for_approval")
    assert task["status"] == "completed"
    assert await desk.results(task_id) == ["slept 0 seconds"]
