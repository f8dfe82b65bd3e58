"""The client without `await`: the same calls, in scripts and in notebooks, which have a loop of their own."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterator

import pytest

from agent_runtime.client import (
    BlockingClient,
    ClientError,
    ClientOptions,
    RequestNotFound,
    RuntimeClient,
    TaskSubmission,
)
from tests.cli.fake_server import FakeServer


@pytest.fixture
def client(server: FakeServer) -> Iterator[BlockingClient]:
    with BlockingClient(ClientOptions(url=server.url)) as client:
        yield client


def test_calls_give_their_results(client: BlockingClient, server: FakeServer) -> None:
    task = client.tasks.submit(TaskSubmission("research", "hello"))

    assert client.tasks.get(task["task_id"])["task_id"] == task["task_id"]
    assert client.health()["status"] == "ok"
    assert client.url == server.url


def test_lists_and_streams_are_plain_iterators(client: BlockingClient, server: FakeServer) -> None:
    task_id = server.add_task()["task_id"]
    server.streams.append([("lifecycle", 1, {}), ("end", None, {})])
    server.workers = [{"worker_id": f"w-{number}"} for number in range(450)]

    assert [event.kind for event in client.tasks.stream(task_id)] == ["lifecycle", "end"]
    assert len(list(client.workers.list())) == 450
    assert [len(batch["items"]) for batch in client.batches.submit([TaskSubmission("a", "b")] * 3)] == [3]


def test_a_stream_left_early_gives_its_connection_back(client: BlockingClient, server: FakeServer) -> None:
    task_id = server.add_task()["task_id"]
    server.streams.append([("lifecycle", 1, {}), ("turn", 2, {}), ("end", None, {})])

    for _ in client.tasks.stream(task_id):
        break

    pool = client._client._connection._http._transport._pool  # type: ignore[attr-defined]
    assert not [connection for connection in pool.connections if not connection.is_idle()]


def test_errors_are_those_of_the_client(client: BlockingClient) -> None:
    with pytest.raises(RequestNotFound):
        client.tasks.get("nope")
    with pytest.raises(AttributeError):
        client.tasks.nothing()


async def test_it_works_where_a_loop_already_runs(client: BlockingClient) -> None:
    assert asyncio.get_running_loop().is_running()
    assert client.health()["status"] == "ok"


def test_a_closed_client_says_so_and_leaves_no_thread(server: FakeServer) -> None:
    client = BlockingClient(ClientOptions(url=server.url))
    client.health()
    client.close()
    client.close()

    with pytest.raises(ClientError, match="closed"):
        client.health()
    assert "par-client" not in {thread.name for thread in threading.enumerate()}


def test_a_notebook_sees_names_signatures_and_help(client: BlockingClient) -> None:
    asynchronous = RuntimeClient()

    assert {"tasks", "agents", "health", "close"} <= set(dir(client))
    assert "submit" in dir(client.tasks)
    assert inspect.signature(client.tasks.wait) == inspect.signature(asynchronous.tasks.wait)
    assert client.tasks.wait.__doc__ == asynchronous.tasks.wait.__doc__
