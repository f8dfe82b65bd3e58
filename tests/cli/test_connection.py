"""One request: retries, idempotency keys, errors, pages."""

from __future__ import annotations

import pytest

from agent_runtime.client import (
    ClientOptions,
    RequestConflict,
    RequestForbidden,
    RequestInvalid,
    RequestNotFound,
    RequestThrottled,
    RequestUnauthenticated,
    RetryPolicy,
    RuntimeClient,
    ServerFailed,
    ServerUnreachable,
)
from agent_runtime.client.task import TaskSubmission
from tests.cli.fake_server import FakeServer, Refusal

QUICK = RetryPolicy(attempts=4, first_pause_seconds=0.01)


def _client(server: FakeServer, **options: object) -> RuntimeClient:
    return RuntimeClient(ClientOptions(url=server.url, retry=QUICK, **options))  # type: ignore[arg-type]


async def test_a_submit_answered_503_is_sent_again_under_the_same_key(server: FakeServer) -> None:
    server.refusals.extend([Refusal(503, headers={"Retry-After": "0"}), Refusal(503), Refusal(502)])

    async with _client(server) as client:
        task = await client.tasks.submit(TaskSubmission("research", "hello"))

    keys = {request.headers["idempotency-key"] for request in server.sent("POST", "/v1/tasks")}
    assert len(server.sent("POST", "/v1/tasks")) == 4
    assert len(keys) == 1
    assert list(server.tasks) == [task["task_id"]]


async def test_two_submits_have_two_keys_and_a_given_key_is_kept(server: FakeServer) -> None:
    async with _client(server) as client:
        await client.tasks.submit(TaskSubmission("research", "a"))
        await client.tasks.submit(TaskSubmission("research", "b"))
        await client.tasks.submit(TaskSubmission("research", "c"), idempotency_key="mine")

    keys = [request.headers["idempotency-key"] for request in server.requests]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


async def test_only_what_was_given_is_sent(server: FakeServer) -> None:
    async with _client(server) as client:
        await client.tasks.submit(TaskSubmission("research", "a", max_retries=0, labels={"team": "x"}))

    assert server.requests[0].body == {
        "agent_id": "research",
        "input": "a",
        "max_retries": 0,
        "labels": {"team": "x"},
    }


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RequestInvalid),
        (401, RequestUnauthenticated),
        (403, RequestForbidden),
        (404, RequestNotFound),
        (409, RequestConflict),
        (413, RequestInvalid),
        (422, RequestInvalid),
        (500, ServerFailed),
    ],
)
async def test_an_error_answer_raises_its_class_at_once(
    status: int, error: type[Exception], server: FakeServer
) -> None:
    server.refusals.append(Refusal(status, "this is why"))

    async with _client(server) as client:
        with pytest.raises(error, match="this is why"):
            await client.tasks.get("x")

    assert len(server.requests) == 1


async def test_a_retry_after_longer_than_our_patience_is_handed_on_at_once(server: FakeServer) -> None:
    server.refusals.append(Refusal(429, headers={"Retry-After": "3600"}))

    async with _client(server) as client:
        with pytest.raises(RequestThrottled) as caught:
            await client.tasks.get("x")

    assert caught.value.problem.retry_after_seconds == 3600
    assert len(server.requests) == 1


async def test_fields_of_a_422_are_named(server: FakeServer) -> None:
    errors = [{"loc": ["body", "max_steps"], "msg": "must be at most 1000"}]
    server.refusals.append(Refusal(422, "1 field is not valid", errors=errors))

    async with _client(server) as client:
        with pytest.raises(RequestInvalid, match=r"max_steps: must be at most 1000"):
            await client.tasks.submit(TaskSubmission("research", "a"))


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    async with RuntimeClient(ClientOptions(url="http://127.0.0.1:9", retry=QUICK)) as client:
        with pytest.raises(ServerUnreachable, match="PAR_URL"):
            await client.health()


async def test_a_list_is_read_over_its_pages_up_to_the_limit(server: FakeServer) -> None:
    server.workers = [{"worker_id": f"w-{number}"} for number in range(450)]

    async with _client(server) as client:
        everything = [worker async for worker in client.workers.list()]
        some = [worker async for worker in client.workers.list(limit=250)]

    assert everything == server.workers
    assert some == server.workers[:250]
    assert [request.query["limit"] for request in server.requests[-2:]] == [["200"], ["50"]]


async def test_the_key_is_sent_and_never_shown(server: FakeServer) -> None:
    server.api_key = "secret-key"
    async with _client(server, api_key="secret-key") as client:
        await client.health()

    assert "secret-key" not in repr(ClientOptions(api_key="secret-key"))


async def test_what_an_earlier_try_may_have_deleted_counts_as_deleted(server: FakeServer) -> None:
    server.refusals.extend([Refusal(503), Refusal(404), Refusal(404)])

    async with _client(server) as client:
        await client.webhooks.delete("w-1")
        with pytest.raises(RequestNotFound):
            await client.webhooks.delete("w-1")

    assert len(server.requests) == 3
