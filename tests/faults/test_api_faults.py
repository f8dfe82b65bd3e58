"""What clients do at the same instant, and an API that ends between its commit and its answer."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from agent_runtime.fault_points import EXIT_CODE
from tests.faults.test_kill_worker import completed
from tests.support.invariants import Expectation, check_everything
from tests.support.moves import cancel
from tests.support.processes import Answer, Fleet
from tests.support.tasks import TaskBook, script
from tests.support.waiting import eventually_sync


@pytest.mark.timeout(60)
async def test_a_hundred_submits_with_one_key_make_one_task(system: Fleet, book: TaskBook) -> None:
    api, key, text = system.api(), str(uuid4()), "one of a hundred"

    def submit(_: int) -> Answer:
        return api.call("POST", "/v1/tasks", {"agent_id": "agent", "input": text}, Idempotency_Key=key)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(submit, range(100)))
    assert {answer.status for answer in answers} <= {200, 201, 409}
    made = {answer.body["task_id"] for answer in answers if answer.status in (200, 201)}
    assert len(made) == 1
    assert len(book.rows("select task_id from par.tasks")) == 1
    await check_everything(book.url, Expectation(list(made), keyed_inputs=[text], settled=False))


@pytest.mark.timeout(60)
async def test_an_api_that_ends_before_it_answers_has_made_the_task_once(system: Fleet, book: TaskBook) -> None:
    key, text = str(uuid4()), "answered by nobody"
    crashing = system.api(fault="submit.committed:1:exit")
    body = {"agent_id": "agent", "input": text}
    assert crashing.call("POST", "/v1/tasks", body, Idempotency_Key=key).status == 0
    assert crashing.wait_end() == EXIT_CODE
    answer = system.api().call("POST", "/v1/tasks", body, Idempotency_Key=key)
    assert answer.status in (200, 201)
    await check_everything(book.url, Expectation([answer.body["task_id"]], keyed_inputs=[text], settled=False))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("point", "action", "state"), [("cancel", "cancel", "dead_letter"), ("redrive", "redrive", "queued")]
)
async def test_an_api_that_ends_after_a_persons_move_has_made_it_once(
    system: Fleet, book: TaskBook, point: str, action: str, state: str
) -> None:
    crashing = system.api(fault=f"{point}.committed:1:exit")
    task_id = book.submit()
    if action == "redrive":
        assert cancel(book, task_id)
    assert crashing.call("POST", f"/v1/tasks/{task_id}/{action}").status == 0
    assert crashing.wait_end() == EXIT_CODE
    assert book.task(task_id)["status"] == state
    assert system.api().call("POST", f"/v1/tasks/{task_id}/{action}").status == 409
    await check_everything(book.url, Expectation([task_id], settled=False))


@pytest.mark.timeout(60)
async def test_a_hundred_cancels_end_a_running_task_once(system: Fleet, book: TaskBook) -> None:
    api, _ = system.api(), system.worker()
    task_id = book.submit(script({"text": "late", "latency_seconds": 20}), agent_id="priced")
    eventually_sync(lambda: book.task(task_id)["status"] == "running", "it runs")
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: api.call("POST", f"/v1/tasks/{task_id}/cancel"), range(100)))
    assert sorted({answer.status for answer in answers}) == [200, 409]
    assert sum(answer.status == 200 for answer in answers) == 1
    assert book.events(task_id).count("task_cancelled") == 1
    neighbour = book.submit()
    eventually_sync(lambda: completed(book, [neighbour]), "the worker goes on")
    await check_everything(book.url, Expectation([task_id]))
