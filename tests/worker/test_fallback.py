"""While a provider is down an agent's fallback models answer; a call is recorded and priced under the one that did."""

from typing import Any

from agent_runtime.agent.fallback import ModelChoice, ModelHealth
from agent_runtime.domain.errors import ModelCallFailed
from tests.support.invariants import Expectation, check_everything
from tests.support.tasks import Row, TaskBook, calculation, script
from tests.worker.conftest import StartWorker
from tests.worker.test_task_budget import reaches

REPLY = 140
FALLBACKS = [{"provider": "scripted", "model": "priced"}, {"provider": "openai", "model": "without-a-key"}]


def add_agent(book: TaskBook, agent_id: str = "backed", **fields: Any) -> None:
    """An agent whose own model is free and whose fallback costs 140 microdollars a reply."""
    book.add_priced_agent("priced")
    config = {"model": "default", "allowed_tools": ["calculator"], "fallback_models": FALLBACKS}
    book.add_agent(agent_id, config=config, **fields)


def down(status: int = 503, **error: Any) -> dict[str, Any]:
    """What strikes when the agent's own model is asked."""
    return {"error": {"status": status, "model": "default", **error}}


def calls(book: TaskBook, task_id: str) -> list[Row]:
    return book.rows(
        "select provider || '/' || model as model, cost_microdollars as cost from par.ledger where task_id = %(id)s"
        " order by created_at, call_id",
        id=task_id,
    )


async def test_the_fallback_answers_at_once_and_the_call_is_recorded_under_it(
    book: TaskBook, start_worker: StartWorker
) -> None:
    add_agent(book)
    async with start_worker():
        task_id = book.submit(script({**calculation("6*7"), **down()}, {"text": "42"}), agent_id="backed")
        await reaches(book, task_id, "completed")
        # A model that failed is passed over for a while, also by other tasks of the worker.
        second = book.submit(script({"text": "again"}), agent_id="backed")
        await reaches(book, second, "completed")
    task = book.task(task_id)
    assert (task["output"]["result"], task["cost_microdollars"], task["attempt"]) == ("42", 2 * REPLY, 1)
    assert calls(book, task_id) == [{"model": "scripted/priced", "cost": REPLY}] * 2
    assert calls(book, second) == [{"model": "scripted/priced", "cost": REPLY}]
    turns = book.rows(
        "select details from par.events where task_id = %(id)s and kind = 'model_turn' order by sequence", id=task_id
    )
    assert turns == [{"details": {"model": "scripted/priced", "instead_of": "scripted/default"}}] * 2
    await check_everything(book.url, Expectation([task_id, second]))


async def test_a_request_that_the_model_refuses_is_not_tried_elsewhere(
    book: TaskBook, start_worker: StartWorker
) -> None:
    add_agent(book)
    async with start_worker():
        task_id = book.submit(script({"text": "x", **down(400)}), agent_id="backed")
        await reaches(book, task_id, "dead_letter")
    assert calls(book, task_id) == []
    assert book.task(task_id)["cost_microdollars"] == 0
    await check_everything(book.url, Expectation([task_id]))


async def test_when_all_are_down_the_task_is_tried_again_and_nothing_is_charged(
    book: TaskBook, start_worker: StartWorker
) -> None:
    add_agent(book)
    async with start_worker(retry_base_seconds=0.01, retry_cap_seconds=0.02):
        work = script({"text": "x", "error": {"status": 500}})
        task_id = book.submit(work, agent_id="backed", max_retries=2)
        await reaches(book, task_id, "dead_letter")
    task = book.task(task_id)
    assert (task["dead_letter_reason"], task["cost_microdollars"], task["attempt"]) == ("retries_exhausted", 0, 3)
    assert "scripted/default" in task["last_error_message"]
    await check_everything(book.url, Expectation([task_id]))


async def test_a_budget_counts_what_the_dearest_model_may_cost(book: TaskBook, start_worker: StartWorker) -> None:
    add_agent(book, budget_max_per_task=REPLY)
    async with start_worker():
        task_id = book.submit(script({**calculation("6*7"), **down()}, {"text": "42"}), agent_id="backed")
        await reaches(book, task_id, "paused")
    assert book.task(task_id)["cost_microdollars"] == REPLY
    await check_everything(book.url, Expectation([task_id]))


def test_a_model_that_failed_comes_last_for_a_time_that_doubles_until_it_answers() -> None:
    now = 0.0
    own, other = (ModelChoice("p", name, None, 1) for name in ("own", "other"))
    health = ModelHealth(lambda: now)
    failure = ModelCallFailed("down", code="provider_error", provider="p", model="own", retryable=True)
    for pause in (30.0, 60.0):
        health.failed(own, failure)
        assert health.in_order([own, other]) == [other, own]
        now += pause
        assert health.in_order([own, other]) == [own, other]
    failure.retry_after_seconds = 5.0
    health.failed(own, failure)
    now += 5.0
    assert health.in_order([own, other]) == [own, other]
    health.answered(own)
    failure.retry_after_seconds = None
    health.failed(own, failure)
    now += 30.0
    assert health.in_order([own, other]) == [own, other]
