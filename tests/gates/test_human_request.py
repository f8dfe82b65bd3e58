"""People are asked, each answer goes to the request that it was given for, once, and the worker is free meanwhile."""

import asyncio
from typing import Any

import pytest

from tests.gates.conftest import Desk, call
from tests.support.invariants import Expectation, check_everything
from tests.support.tasks import TaskBook
from tests.worker.conftest import StartWorker

ASK: dict[str, Any] = {"allowed_tools": ["calculator"], "tool_policies": {"calculator": {"policy": "ask"}}}
SUM = call("calculator", "call-sum", expression="6 * 7")
QUESTION = call("request_human_input", "call-ask", prompt="Which city?")
DONE = {"text": "done"}


async def test_an_agent_asks_and_reads_the_answer(desk: Desk, start_worker: StartWorker, database_url: str) -> None:
    await desk.agent(allowed_tools=["request_human_input"], human_input_timeout_seconds=60)
    async with start_worker() as worker:
        task_id = await desk.submit(QUESTION, DONE)
        task = await desk.reaches(task_id, "waiting_for_input")
        assert task["pending_input_prompt"] == "Which city?"
        assert task["human_input_timeout_at"] is not None
        assert task["lease_owner"] is None
        assert not worker._attempts, "the worker is free while the task waits"
        inbox = (await desk.api.get("/v1/human-requests")).json()["items"]
        assert [(each["task_id"], each["kind"], each["prompt"]) for each in inbox] == [
            (task_id, "input", "Which city?")
        ]
        answered = await desk.act(task_id, "respond", message="Paris", request_id=inbox[0]["request_id"])
        assert answered.status_code == 200, answer_text(answered)
        await desk.reaches(task_id, "completed")
    assert await desk.results(task_id) == ["Paris"]
    assert (await desk.api.get("/v1/human-requests")).json()["items"] == []
    events = await desk.event_types(task_id)
    assert events.index("task_input_requested") < events.index("task_input_received") < events.index("task_completed")
    await check_everything(database_url, Expectation([task_id]))


def answer_text(answer: Any) -> str:
    return f"{answer.status_code} {answer.text}"


async def test_a_tool_whose_policy_is_ask_runs_after_its_approval(
    desk: Desk, start_worker: StartWorker, database_url: str
) -> None:
    await desk.agent(**ASK)
    async with start_worker():
        task_id = await desk.submit(SUM, DONE)
        action = await desk.asks(task_id)
        assert action["tool_name"] == "calculator"
        assert action["tool_args"] == {"expression": "6 * 7"}
        assert action["tool_call_id"] == "call-sum"
        assert action["reason"] == "policy_ask"
        answered = await desk.act(task_id, "approve", request_id=action["request_id"])
        assert answered.status_code == 200
        assert answered.json()["status"] in ("queued", "running", "completed")
        await desk.reaches(task_id, "completed")
    assert await desk.results(task_id) == ["42"]
    await check_everything(database_url, Expectation([task_id]))


async def test_edited_arguments_are_checked_run_and_named_in_the_result(desk: Desk, start_worker: StartWorker) -> None:
    await desk.agent(**ASK)
    async with start_worker():
        task_id = await desk.submit(SUM, DONE)
        await desk.asks(task_id)
        wrong = await desk.act(task_id, "approve", args={"expression": 5})
        assert wrong.status_code == 422
        assert wrong.json()["errors"][0]["loc"] == ["body", "args", "expression"]
        unknown = await desk.act(task_id, "approve", args={"expression": "1", "more": 1})
        assert unknown.status_code == 422
        assert (await desk.act(task_id, "approve", args={"expression": "2 * 4"})).status_code == 200
        await desk.reaches(task_id, "completed")
    (result,) = await desk.results(task_id)
    assert '{"expression": "2 * 4"}' in result
    assert result.endswith("\n8")


async def test_a_rejection_reaches_the_model_as_the_tools_error(desk: Desk, start_worker: StartWorker) -> None:
    await desk.agent(**ASK)
    async with start_worker():
        task_id = await desk.submit(SUM, DONE)
        await desk.asks(task_id)
        assert (await desk.act(task_id, "reject", reason="Not today.")).status_code == 200
        await desk.reaches(task_id, "completed")
    items = (await desk.api.get(f"/v1/tasks/{task_id}/activity")).json()["items"]
    (result,) = [item for item in items if item["kind"] == "tool_result"]
    assert result["is_error"] is True
    assert "Not today." in result["result"]


async def test_calls_of_one_turn_are_asked_one_at_a_time_in_their_order(
    desk: Desk, start_worker: StartWorker, database_url: str
) -> None:
    await desk.agent(**ASK)
    calls = [call("calculator", f"call-{n}", expression=f"{n} + 1") for n in range(3)]
    async with start_worker():
        task_id = await desk.submit({"tools": calls}, DONE)
        for n in range(3):
            action = await desk.asks(task_id, tool_call_id=f"call-{n}")
            assert action["tool_args"] == {"expression": f"{n} + 1"}
            verb = {"reason": "no"} if n == 1 else {}
            answer = await desk.act(task_id, "reject" if verb else "approve", request_id=action["request_id"], **verb)
            assert answer.status_code == 200
        await desk.reaches(task_id, "completed")
    results = await desk.results(task_id)
    assert sorted(results) == sorted(["1", "A person refused this call: no", "3"])
    await check_everything(database_url, Expectation([task_id]))


async def test_of_many_answers_at_once_one_counts_and_the_others_learn_who_gave_it(
    desk: Desk, start_worker: StartWorker
) -> None:
    await desk.agent(**ASK)
    async with start_worker():
        task_id = await desk.submit(SUM, DONE)
        await desk.asks(task_id)
        verbs = [("approve", {}), ("reject", {"reason": "no"})] * 8
        answers = await asyncio.gather(*(desk.act(task_id, verb, **body) for verb, body in verbs))
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 15
        details = [answer.json()["detail"] for answer in answers if answer.status_code == 409]
        assert all("by operator at 2" in detail for detail in details), details
        await desk.reaches(task_id, "completed")


async def test_an_answer_to_an_old_request_does_not_answer_the_next_one(desk: Desk, start_worker: StartWorker) -> None:
    await desk.agent(**ASK)
    async with start_worker():
        task_id = await desk.submit(SUM, call("calculator", "call-two", expression="2"), DONE)
        first = await desk.asks(task_id, tool_call_id="call-sum")
        assert (await desk.act(task_id, "approve", request_id=first["request_id"])).status_code == 200
        second = await desk.asks(task_id, tool_call_id="call-two")
        stale = await desk.act(task_id, "approve", request_id=first["request_id"])
        assert stale.status_code == 409
        assert second["request_id"] in stale.json()["detail"]
        assert "was approved by operator" in stale.json()["detail"]
        assert (await desk.task(task_id))["status"] == "waiting_for_approval"


async def test_a_request_that_nobody_answers_ends_the_task(desk: Desk, start_worker: StartWorker) -> None:
    await desk.agent(**ASK, human_input_timeout_seconds=1)
    async with start_worker():
        task_id = await desk.submit(SUM, DONE)
        task = await desk.reaches(task_id, "dead_letter")
    assert task["dead_letter_reason"] == "human_input_timeout"
    late = await desk.act(task_id, "approve")
    assert late.status_code == 409
    assert "dead_letter" in late.json()["detail"]
    assert "expired without an answer" in late.json()["detail"]


async def test_a_cancelled_task_takes_its_question_with_it(desk: Desk, start_worker: StartWorker) -> None:
    await desk.agent(**ASK)
    async with start_worker():
        task_id = await desk.submit(SUM, DONE)
        await desk.asks(task_id)
        assert (await desk.act(task_id, "cancel")).status_code == 200
    late = await desk.act(task_id, "reject", reason="no")
    assert late.status_code == 409
    assert "withdrawn when the task ended" in late.json()["detail"]
    assert (await desk.api.get("/v1/human-requests")).json()["items"] == []


async def test_waiting_stops_the_clock_of_the_task(desk: Desk, start_worker: StartWorker, database_url: str) -> None:
    book = TaskBook(database_url)
    await desk.agent(**ASK)
    async with start_worker():
        task_id = await desk.submit(SUM, DONE, task_timeout_seconds=30)
        await desk.asks(task_id)
        book.rows(
            "update par.tasks set waiting_since = waiting_since - interval '1 hour', deadline_at = deadline_at"
            " - interval '1 hour' where task_id = %(id)s",
            id=task_id,
        )
        assert (await desk.act(task_id, "approve")).status_code == 200
        await desk.reaches(task_id, "completed")


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("approve", {"args": {}, "skip": True}, 400),
        ("approve", {"result": "42"}, 409),
        ("approve", {"skip": True}, 409),
        ("approve", {"wrong": 1}, 422),
        ("approve", {"request_id": "nonsense"}, 422),
        ("reject", {}, 422),
        ("reject", {"reason": ""}, 422),
        ("respond", {"message": "hello"}, 409),
    ],
)
async def test_a_wrong_answer_changes_nothing(
    desk: Desk, start_worker: StartWorker, verb: str, body: dict[str, Any], status: int
) -> None:
    await desk.agent(**ASK)
    async with start_worker():
        task_id = await desk.submit(SUM, DONE)
        action = await desk.asks(task_id)
        answer = await desk.act(task_id, verb, **body)
        assert answer.status_code == status, answer.text
        if verb == "respond":
            assert "approve or reject" in answer.json()["detail"]
        assert (await desk.asks(task_id))["request_id"] == action["request_id"]


async def test_the_inbox_has_filters_and_pages(desk: Desk, start_worker: StartWorker) -> None:
    await desk.agent("careful", **ASK)
    await desk.agent("curious", allowed_tools=["request_human_input"])
    async with start_worker():
        approvals = [await desk.submit(SUM, DONE) for _ in range(3)]
        question = await desk.submit(QUESTION, DONE, agent_id="curious")
        for task_id in approvals:
            await desk.asks(task_id)
        await desk.reaches(question, "waiting_for_input")
    inputs = (await desk.api.get("/v1/human-requests?kind=input")).json()["items"]
    assert [each["task_id"] for each in inputs] == [question]
    of_agent = (await desk.api.get("/v1/human-requests?agent_id=careful")).json()["items"]
    assert {each["task_id"] for each in of_agent} == set(approvals)
    seen, cursor = [], ""
    while True:
        page = (await desk.api.get(f"/v1/human-requests?limit=2{cursor}")).json()
        seen += [each["task_id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == sorted([*approvals, question])
    assert len(seen) == 4


async def test_a_call_with_arguments_that_do_not_fit_bothers_nobody(desk: Desk, start_worker: StartWorker) -> None:
    await desk.agent(**ASK)
    async with start_worker():
        task_id = await desk.submit(call("calculator", "call-bad", wrong="1"), DONE)
        await desk.reaches(task_id, "completed")
    assert "task_approval_requested" not in await desk.event_types(task_id)
