"""The ledger says of each call that must not run twice what became of it."""

from typing import Any

import pytest

from tests.gates.conftest import Desk, call
from tests.support.tasks import TaskBook
from tests.support.waiting import eventually
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


@pytest.mark.parametrize(
    ("answer", "result"),
    [({"result": "it was paid"}, "it was paid"), ({"skip": True}, "A person decided to skip this call.")],
    ids=["result", "skip"],
)
async def test_a_started_call_whose_tool_has_vanished_waits_for_a_person_and_cannot_run_again(
    desk: Desk, start_worker: StartWorker, database_url: str, answer: dict[str, Any], result: str
) -> None:
    await desk.agent(**UNSAFE)
    task_id = await desk.submit(call("crm__pay", "call-a", amount=5), {"text": "done"})
    book = TaskBook(database_url)
    book.rows(
        "insert into par.tool_calls (tenant_id, task_id, tool_call_id, run_number, attempt, tool_name, state,"
        " arguments, started_at)"
        " values ('default', %(id)s, 'call-a', 1, 1, 'crm__pay', 'started', '{\"amount\": 5}', par.now())",
        id=task_id,
    )
    # As after the crash that left the row.
    book.rows("update par.tasks set attempt = 1 where task_id = %(id)s", id=task_id)
    async with start_worker():
        first = await desk.asks(task_id)
        assert first["reason"] == "outcome_unknown"
        assert (await desk.act(task_id, "approve", request_id=first["request_id"])).status_code == 200

        async def asked_again() -> bool:
            action = (await desk.task(task_id))["pending_approval_action"]
            return action is not None and action["request_id"] != first["request_id"]

        await eventually(asked_again, "the task asks again, since there is nothing that could run")
        open_request = (await desk.api.get("/v1/human-requests")).json()["items"][0]
        assert "crm__pay" in open_request["prompt"]
        assert "not there any more" in open_request["prompt"]
        assert (await desk.act(task_id, "approve", **answer)).status_code == 200
        await desk.reaches(task_id, "completed")
    assert [text[: len(result)] for text in await desk.results(task_id)] == [result]


async def test_a_call_of_a_tool_that_never_was_is_the_models_mistake(
    desk: Desk, start_worker: StartWorker, database_url: str
) -> None:
    await desk.agent(**UNSAFE)
    async with start_worker():
        task_id = await desk.submit(call("crm__pay", "call-a", amount=5), {"text": "done"})
        await desk.reaches(task_id, "completed")
    assert ledger(database_url) == []
