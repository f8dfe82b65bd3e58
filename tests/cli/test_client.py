"""What the client does by itself: acts once, waits, cuts batches, answers people's requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from agent_runtime.client import (
    BatchWait,
    ClientOptions,
    RequestConflict,
    RetryPolicy,
    RuntimeClient,
    ServerAway,
    ServerUnreachable,
    TaskSubmission,
    TryAgainLater,
    WaitOptions,
    WaitTimedOut,
)
from tests.cli.fake_server import FakeServer, Refusal

QUICK = RetryPolicy(attempts=4, first_pause_seconds=0.01)


def _client(server: FakeServer, retry: RetryPolicy = QUICK) -> RuntimeClient:
    return RuntimeClient(ClientOptions(url=server.url, retry=retry))


async def test_an_answer_lost_after_the_commit_is_asked_for_again_and_nothing_is_done_twice(server: FakeServer) -> None:
    server.lost_answers = 2

    async with _client(server) as client:
        task = await client.tasks.submit(TaskSubmission("research", "hello"))
        server.lost_answers = 1
        batches = [batch async for batch in client.batches.submit([TaskSubmission("research", "x")])]

    assert len(server.sent("POST", "/v1/tasks")) == 3
    assert len(server.sent("POST", "/v1/tasks/batch")) == 2
    assert list(server.tasks) == [task["task_id"], batches[0]["items"][0]["task_id"]]


async def test_an_answer_to_a_person_that_was_lost_is_no_conflict(server: FakeServer) -> None:
    request = server.add_request()
    server.lost_answers = 1

    async with _client(server) as client:
        task = await client.tasks.approve(request["task_id"], request_id=request["request_id"])

    assert task["status"] == "queued"


async def test_no_try_begins_after_the_deadline(server: FakeServer) -> None:
    server.refusals.extend([Refusal(503, headers={"Retry-After": "5"})] * 3)
    policy = RetryPolicy(attempts=9, first_pause_seconds=0.01, deadline_seconds=2.0)

    async with _client(server, policy) as client:
        with pytest.raises(ServerAway):
            await client.tasks.get("x")

    assert len(server.requests) == 1


async def test_what_may_be_tried_again_later_is_one_group(server: FakeServer) -> None:
    server.refusals.extend([Refusal(429, headers={"Retry-After": "99"}), Refusal(503, headers={"Retry-After": "99"})])

    async with _client(server) as client:
        for _ in range(2):
            with pytest.raises(TryAgainLater):
                await client.tasks.get("x")
    assert issubclass(ServerUnreachable, TryAgainLater)
    assert not issubclass(RequestConflict, TryAgainLater)


async def test_a_wait_ends_with_the_task(server: FakeServer) -> None:
    task_id = server.add_task()["task_id"]
    server.streams.append([("lifecycle", 1, {"status_after": "running"})])
    server.streams.append([("lifecycle", 2, {"status_after": "completed"}), ("end", None, {})])
    seen: list[int | None] = []

    async with _client(server) as client:
        options = WaitOptions(on_event=lambda event: seen.append(event.sequence))
        task = await client.tasks.wait(task_id, options)

    assert task["output"]["result"] == "the answer"
    assert seen == [1, 2, None]


async def test_a_wait_comes_back_when_a_person_is_needed(server: FakeServer) -> None:
    request = server.add_request()
    asked: dict[str, Any] = {"event_type": "task_approval_requested", "status_after": "waiting_for_approval"}
    server.streams.append([("lifecycle", 1, asked)])

    async with _client(server) as client:
        task = await client.tasks.wait(request["task_id"])

    assert task["status"] == "waiting_for_approval"


async def test_a_wait_that_takes_too_long_says_so(server: FakeServer) -> None:
    server.add_task(task_id="t-1", status="running")

    async with _client(server) as client:
        with pytest.raises(WaitTimedOut, match="t-1"):
            await client.tasks.wait("t-1", WaitOptions(timeout_seconds=0.2))


async def test_any_number_of_submissions_is_cut_into_batches(server: FakeServer) -> None:
    async def endless() -> AsyncIterator[TaskSubmission]:
        for number in range(2_100):
            yield TaskSubmission("research", str(number))

    async with _client(server) as client:
        sizes = [len(batch["items"]) async for batch in client.batches.submit(endless())]

    assert sizes == [1_000, 1_000, 100]
    assert [task["input"] for task in server.tasks.values()] == [str(number) for number in range(2_100)]


async def test_a_batch_stays_below_what_the_server_takes(server: FakeServer) -> None:
    large = [TaskSubmission("research", "x" * 100_000) for _ in range(320)]

    async with _client(server) as client:
        sizes = [len(batch["items"]) async for batch in client.batches.submit(large)]

    assert sum(sizes) == 320
    lengths = [int(request.headers["content-length"]) for request in server.requests]
    assert max(lengths) < 16 * 1024 * 1024
    assert len(sizes) == 3


async def test_a_program_that_broke_off_begins_anew_and_submits_nothing_twice(server: FakeServer) -> None:
    tasks = [TaskSubmission("research", "same")] * 2_000

    async with _client(server) as client:
        async for _ in client.batches.submit(tasks, idempotency_key="nightly"):
            break
        batches = [batch async for batch in client.batches.submit(tasks, idempotency_key="nightly")]

    assert len(server.tasks) == 2_000
    assert len({batch["batch_id"] for batch in batches}) == 2


async def test_batches_are_waited_for_together(server: FakeServer) -> None:
    tasks = [TaskSubmission("research", str(number)) for number in range(1_001)]
    progress: list[dict[str, Any]] = []

    def finish(standing: dict[str, Any]) -> None:
        progress.append(standing)
        for task in server.tasks.values():
            task["status"] = "completed"

    async with _client(server) as client:
        batches = [batch["batch_id"] async for batch in client.batches.submit(tasks)]
        next(iter(server.tasks.values()))["status"] = "running"
        standing = await client.batches.wait(batches, BatchWait(on_progress=finish))

    assert progress[0]["counts"] == {"running": 1, "completed": 1_000}
    assert standing == {"total": 1_001, "counts": {"completed": 1_001}, "total_cost_microdollars": 1_001 * 1_234}


async def test_a_batch_that_does_not_end_in_time_says_so(server: FakeServer) -> None:
    async with _client(server) as client:
        batches = [batch["batch_id"] async for batch in client.batches.submit([TaskSubmission("research", "x")])]
        next(iter(server.tasks.values()))["status"] = "running"
        with pytest.raises(WaitTimedOut):
            await client.batches.wait(batches, BatchWait(timeout_seconds=0.2))


async def test_the_open_request_of_a_task_has_its_texts_whole(server: FakeServer) -> None:
    request = server.add_request(tool_args={"expression": "1" * 5_000})
    server.human_requests[0] = {**request, "tool_args": {"expression": "1" * 2_048}}
    question = server.add_request(kind="input", prompt="Which city?")
    idle = server.add_task()

    async with _client(server) as client:
        whole = await client.human_requests.of_task(request["task_id"])
        asked = await client.human_requests.of_task(question["task_id"])
        nothing = await client.human_requests.of_task(idle["task_id"])

    assert whole is not None
    assert whole["tool_args"] == request["tool_args"]
    assert asked == question
    assert nothing is None


async def test_answers_carry_what_was_given_and_nothing_else(server: FakeServer) -> None:
    async with _client(server) as client:
        first, second, third = (server.add_request()["task_id"] for _ in range(3))
        await client.tasks.approve(first)
        await client.tasks.approve(second, args={"expression": "1"})
        await client.tasks.reject(third, "not today")
        with pytest.raises(RequestConflict, match="approved by ann"):
            await client.tasks.respond(third, "Paris", request_id="r-9")

    assert [request.body for request in server.requests] == [
        None,
        {"args": {"expression": "1"}},
        {"reason": "not today"},
        {"request_id": "r-9", "message": "Paris"},
    ]
