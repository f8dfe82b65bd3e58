"""Crashes around people's answers and around tools that must not run twice without a person's word."""

import json
from typing import Any

import pytest

from agent_runtime.fault_points import EXIT_CODE
from tests.faults.test_kill_worker import completed, runner
from tests.support.invariants import Expectation, Felt, check_everything
from tests.support.processes import ApiProcess, Fleet
from tests.support.tasks import TaskBook, script
from tests.support.waiting import eventually_sync

pytestmark = pytest.mark.timeout(90)

ONCE = {"tool": "dev_sleep", "args": {"seconds": 30}, "id": "call-once"}
DONE = {"text": "done"}


@pytest.fixture
def api(system: Fleet, book: TaskBook) -> ApiProcess:
    """The API, and agents whose `dev_sleep` must not run twice or asks first."""
    tools = {"allowed_tools": ["calculator", "dev_sleep"], "provider": "scripted", "model": "default"}
    book.add_agent("unsafe", config={**tools, "tool_policies": {"dev_sleep": {"idempotent": False}}})
    book.add_agent("asking", config={**tools, "tool_policies": {"calculator": {"policy": "ask"}}})
    both = {"dev_sleep": {"idempotent": False, "policy": "ask"}}
    book.add_agent("both", config={**tools, "tool_policies": both})
    return system.api()


def action_of(api: ApiProcess, task_id: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = api.call("GET", f"/v1/tasks/{task_id}").body["pending_approval_action"]
    return found


def asks(api: ApiProcess, task_id: str) -> dict[str, Any]:
    return eventually_sync(lambda: action_of(api, task_id), "the task asks", seconds=20) or {}


def call_state(book: TaskBook, task_id: str) -> str | None:
    rows = book.rows("select state from par.tool_calls where task_id = %(id)s", id=task_id)
    return rows[0]["state"] if rows else None


def interrupted(system: Fleet, book: TaskBook, api: ApiProcess) -> tuple[str, dict[str, Any]]:
    """A task whose unsafe call was under way when its worker was killed, and what it asks."""
    worker = system.worker()
    task_id = book.submit(script(ONCE, DONE), agent_id="unsafe")
    eventually_sync(lambda: call_state(book, task_id) == "started", "the call's intent is committed")
    worker.kill()
    system.worker()
    return task_id, asks(api, task_id)


def result_of(book: TaskBook, task_id: str) -> str:
    rows = book.rows(
        "select convert_from(m.body, 'UTF8') as body from par.messages m join par.events e on e.task_id = m.task_id"
        " and e.message_sequence = m.sequence and e.kind = 'tool_result' where m.task_id = %(id)s",
        id=task_id,
    )
    assert len(rows) == 1, "one call has one result"
    return str(json.loads(rows[0]["body"])["content"])


@pytest.mark.parametrize(
    ("answer", "result"),
    [({"result": "it had slept"}, "it had slept"), ({"skip": True}, "skip"), ({"args": {"seconds": 0}}, "slept 0")],
    ids=["result", "skip", "again"],
)
async def test_an_unsafe_call_under_way_at_a_kill_waits_for_a_persons_word(
    system: Fleet, book: TaskBook, api: ApiProcess, answer: dict[str, Any], result: str
) -> None:
    task_id, action = interrupted(system, book, api)
    assert action["reason"] == "outcome_unknown"
    assert action["tool_args"] == {"seconds": 30}
    assert call_state(book, task_id) == "unknown"
    assert book.task(task_id)["attempt"] == 2, "the kill was felt"
    assert api.call("POST", f"/v1/tasks/{task_id}/approve", answer).status == 200
    eventually_sync(lambda: completed(book, [task_id]), "the task completes", seconds=20)
    assert result in result_of(book, task_id)
    await check_everything(book.url, Expectation([task_id]))


async def test_a_safe_sibling_that_had_finished_is_not_run_again(
    system: Fleet, book: TaskBook, api: ApiProcess
) -> None:
    worker = system.worker()
    tools = [{"tool": "calculator", "args": {"expression": "2 + 2"}, "id": "call-sum"}, ONCE]
    task_id = book.submit(script({"tools": tools}, DONE), agent_id="unsafe")
    eventually_sync(lambda: call_state(book, task_id) == "started", "the call's intent is committed")
    finished = "select 1 from par.checkpoint_writes where task_id = %(id)s"
    eventually_sync(lambda: book.rows(finished, id=task_id), "the sibling's result is durable")
    worker.kill()
    second = system.worker()
    asks(api, task_id)
    ran = [line for line in second.log("tool_called") if line["tool"] == "calculator"]
    assert ran == [], "its recorded result was used"
    assert api.call("POST", f"/v1/tasks/{task_id}/approve", {"skip": True}).status == 200
    eventually_sync(lambda: completed(book, [task_id]), "the task completes", seconds=20)
    await check_everything(book.url, Expectation([task_id]))


async def test_an_approval_of_a_safe_call_survives_the_crash_that_follows_it(
    system: Fleet, book: TaskBook, api: ApiProcess
) -> None:
    felt = Felt()
    system.worker(fault="tool.before_call:1:exit")
    text = script({"tool": "calculator", "args": {"expression": "6 * 7"}, "id": "call-sum"}, DONE)
    task_id = book.submit(text, agent_id="asking")
    first = asks(api, task_id)
    edited = {"args": {"expression": "5 * 5"}, "request_id": first["request_id"]}
    assert api.call("POST", f"/v1/tasks/{task_id}/approve", edited).status == 200
    eventually_sync(lambda: runner(book, task_id), "a worker takes it")
    system.worker()
    eventually_sync(lambda: completed(book, [task_id]), "the task completes", seconds=20)
    if book.task(task_id)["crash_count"] or book.task(task_id)["attempt"] > 2:
        felt.add("crash")
    felt.require("crash")
    assert result_of(book, task_id).endswith("25"), "what the person edited ran, not what the model had said"
    requests = book.rows("select state from par.human_requests where task_id = %(id)s", id=task_id)
    assert [row["state"] for row in requests] == ["answered"], "nobody was asked twice"
    await check_everything(book.url, Expectation([task_id]))


async def test_an_approval_of_an_unsafe_call_counts_for_one_start_only(
    system: Fleet, book: TaskBook, api: ApiProcess
) -> None:
    system.worker(fault="tool.before_call:1:exit")
    task_id = book.submit(script({**ONCE, "args": {"seconds": 0}}, DONE), agent_id="both")
    assert asks(api, task_id)["reason"] == "policy_ask"
    assert api.call("POST", f"/v1/tasks/{task_id}/approve").status == 200
    eventually_sync(lambda: call_state(book, task_id) == "started", "the intent is committed")
    system.worker()
    again = asks(api, task_id)
    assert again["reason"] == "outcome_unknown"
    assert api.call("POST", f"/v1/tasks/{task_id}/approve").status == 200
    eventually_sync(lambda: completed(book, [task_id]), "the task completes", seconds=20)
    assert result_of(book, task_id) == "slept 0 seconds"
    await check_everything(book.url, Expectation([task_id]))


async def test_what_a_person_edited_stays_edited_through_one_crash_after_another(
    system: Fleet, book: TaskBook, api: ApiProcess
) -> None:
    system.worker(fault="tool.before_call:1:exit")
    task_id = book.submit(script({**ONCE, "args": {"seconds": 30}}, DONE), agent_id="both")
    assert asks(api, task_id)["tool_args"] == {"seconds": 30}
    assert api.call("POST", f"/v1/tasks/{task_id}/approve", {"args": {"seconds": 0}}).status == 200
    workers: tuple[dict[str, Any], ...] = ({"fault": "tool.before_call:1:exit"}, {})
    for settings in workers:
        eventually_sync(lambda: call_state(book, task_id) == "started", "the intent is committed")
        system.worker(**settings)
        again = asks(api, task_id)
        assert (again["reason"], again["tool_args"]) == ("outcome_unknown", {"seconds": 0})
        assert api.call("POST", f"/v1/tasks/{task_id}/approve").status == 200
    eventually_sync(lambda: completed(book, [task_id]), "the task completes", seconds=20)
    assert '{"seconds": 0}' in result_of(book, task_id), "the result says what ran"
    assert result_of(book, task_id).endswith("slept 0 seconds")
    await check_everything(book.url, Expectation([task_id]))


async def test_an_answer_whose_api_ends_before_it_tells_has_been_given_once(
    system: Fleet, book: TaskBook, api: ApiProcess
) -> None:
    system.worker()
    text = script({"tool": "calculator", "args": {"expression": "6 * 7"}, "id": "call-sum"}, DONE)
    task_id = book.submit(text, agent_id="asking")
    asks(api, task_id)
    crashing = system.api(fault="answer.committed:1:exit")
    assert crashing.call("POST", f"/v1/tasks/{task_id}/approve").status == 0
    assert crashing.wait_end() == EXIT_CODE
    late = api.call("POST", f"/v1/tasks/{task_id}/reject", {"reason": "too late"})
    assert late.status == 409
    assert "was approved by" in late.body["detail"]
    eventually_sync(lambda: completed(book, [task_id]), "the task completes", seconds=20)
    assert result_of(book, task_id) == "42"
    await check_everything(book.url, Expectation([task_id]))


async def test_a_waiting_task_does_not_notice_that_all_workers_die(
    system: Fleet, book: TaskBook, api: ApiProcess
) -> None:
    worker = system.worker()
    text = script({"tool": "calculator", "args": {"expression": "6 * 7"}, "id": "call-sum"}, DONE)
    task_id = book.submit(text, agent_id="asking")
    asks(api, task_id)
    worker.kill()
    assert api.call("POST", f"/v1/tasks/{task_id}/approve").status == 200
    assert book.task(task_id)["status"] == "queued"
    system.worker()
    eventually_sync(lambda: completed(book, [task_id]), "the task completes", seconds=20)
    assert book.task(task_id)["retry_count"] == 0
    await check_everything(book.url, Expectation([task_id]))
