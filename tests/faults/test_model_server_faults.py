"""A provider that misbehaves over a real protocol: each fault has its class, its wait and its bound."""

from typing import Any

import pytest

from tests.faults.conftest import OPENAI_AGENT
from tests.faults.test_kill_worker import ended
from tests.support.invariants import Expectation, Felt, check_bill, check_everything
from tests.support.model_server_process import ModelServerProcess
from tests.support.processes import Fleet
from tests.support.tasks import Row, TaskBook, calculation, script
from tests.support.waiting import eventually_sync

pytestmark = pytest.mark.serial

IMPATIENT: dict[str, Any] = {
    "model_first_byte_seconds": 1, "model_stall_seconds": 1, "model_timeout_seconds": 4,
    "retry_base_seconds": 0.1, "retry_cap_seconds": 0.4,
}  # fmt: skip
TEXT = "one two three four five six"
# OpenAI gives an error inside a stream no status, so that it counts as a failure.
COUNTED = [
    "500",
    "stream_error",
    "hang",
    "stall",
    "drip",
    "truncate",
    "reset",
    "malformed",
    "content_type",
    "empty_choices",
]
THROTTLED = ["429", "503", "529"]


def troubled(fault: str, times: int = 1, **turn: Any) -> str:
    """A tool call, then a reply that fails `times` times before it goes well."""
    return script(calculation("1+1"), {"text": TEXT, "fault": fault, "times": times, **turn}, task=f"{fault}-{times}")


def waits(book: TaskBook, task_id: str) -> list[Row]:
    """Each retry's own word and how long the task really waited (seconds)."""
    return book.rows(
        "select extract(epoch from next.created_at - e.created_at)::float as waited, e.details, e.error_code"
        " from par.events e cross join lateral (select n.created_at from par.events n where n.task_id = e.task_id"
        " and n.sequence > e.sequence and n.event_type = 'task_claimed' order by n.sequence limit 1) next"
        " where e.task_id = %(id)s and e.event_type = 'task_retry_scheduled' order by e.sequence",
        id=task_id,
    )


@pytest.mark.timeout(120)
async def test_every_fault_is_classified_waited_out_and_bounded(
    system: Fleet, book: TaskBook, model_server: ModelServerProcess
) -> None:
    system.worker("w", **IMPATIENT)
    tasks = {fault: book.submit(troubled(fault), agent_id=OPENAI_AGENT) for fault in [*COUNTED, *THROTTLED]}
    polite = book.submit(
        script({"text": TEXT, "error": {"status": 429, "retry_after": 1.5}, "times": 1}, task="polite"),
        agent_id=OPENAI_AGENT,
    )
    silent = book.submit(troubled("no_usage"), agent_id=OPENAI_AGENT)
    everyone = [*tasks.values(), polite, silent]
    eventually_sync(lambda: ended(book, everyone), "all end in bounded time", seconds=60)
    felt = Felt()
    for fault, task_id in tasks.items():
        felt.add(fault, sum(entry["fault"] == fault for entry in model_server.log()))
        assert book.task(task_id)["status"] == "completed", fault
        (retry,) = waits(book, task_id)
        assert retry["error_code"] == "provider_error"
        assert ("throttle_streak" in retry["details"]) == (fault in THROTTLED), fault
        assert retry["details"].get("retry_count") == (1 if fault in COUNTED else None), fault
        assert retry["waited"] >= retry["details"]["delay_seconds"] - 0.01, fault
    felt.require(*tasks)
    (retry,) = waits(book, polite)
    assert retry["waited"] >= 1.5
    assert book.rows("select estimated from par.ledger where task_id = %(id)s order by created_at", id=silent)[1] == {
        "estimated": True
    }
    check_bill(model_server, book)
    await check_everything(book.url, Expectation(everyone, lost_workers=[]))


@pytest.mark.timeout(90)
async def test_throttling_never_uses_up_the_tries_and_failures_do(
    system: Fleet, book: TaskBook, model_server: ModelServerProcess
) -> None:
    system.worker("w", **IMPATIENT)
    throttled = book.submit(troubled("429", times=6), agent_id=OPENAI_AGENT, max_retries=1)
    failing = book.submit(troubled("500", times=9), agent_id=OPENAI_AGENT, max_retries=2)
    refused = book.submit(troubled("400", times=9), agent_id=OPENAI_AGENT)
    eventually_sync(lambda: ended(book, [throttled, failing, refused]), "all end", seconds=40)
    assert book.task(throttled)["status"] == "completed"
    assert len(waits(book, throttled)) == 6
    task = book.task(failing)
    assert (task["dead_letter_reason"], task["last_error_code"]) == ("retries_exhausted", "provider_error")
    assert (task["retry_count"], task["attempt"]) == (3, 3)
    task = book.task(refused)
    assert (task["dead_letter_reason"], task["attempt"]) == ("non_retryable_error", 1)
    await check_everything(book.url, Expectation([throttled, failing, refused]))
