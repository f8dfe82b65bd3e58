"""Following a task across dropped connections."""

from __future__ import annotations

import pytest

from agent_runtime.client import ClientOptions, RequestNotFound, RuntimeClient, ServerUnreachable
from agent_runtime.client.task_stream import StreamOptions
from tests.cli.fake_server import FakeServer, Refusal


async def _kinds(
    server: FakeServer, task_id: str, options: StreamOptions | None = None
) -> list[tuple[str, int | None]]:
    async with RuntimeClient(ClientOptions(url=server.url)) as client:
        return [(event.kind, event.sequence) async for event in client.tasks.stream(task_id, options)]


async def test_a_dropped_stream_goes_on_after_the_last_event_seen(server: FakeServer) -> None:
    task_id = server.add_task()["task_id"]
    server.streams.append([("lifecycle", 1, {}), ("turn", 2, {}), ("token", None, {"text": "x"})])
    server.streams.append([])
    server.streams.append([("turn", 2, {}), ("tool_call", 3, {}), ("lifecycle", 4, {}), ("end", None, {})])
    reasons: list[str] = []

    kinds = await _kinds(server, task_id, StreamOptions(on_reconnect=reasons.append))

    durable = [("lifecycle", 1), ("turn", 2), ("token", None), ("tool_call", 3), ("lifecycle", 4), ("end", None)]
    assert kinds == durable
    resumed = [request.headers.get("last-event-id") for request in server.requests]
    assert resumed == [None, "2", "2"]
    assert len(reasons) == 2


async def test_a_server_that_restarts_is_waited_for(server: FakeServer) -> None:
    task_id = server.add_task()["task_id"]
    server.refusals.extend([Refusal(503), Refusal(502)])
    server.streams.append([("end", None, {})])

    assert await _kinds(server, task_id) == [("end", None)]


async def test_a_task_that_does_not_exist_is_not_waited_for(server: FakeServer) -> None:
    with pytest.raises(RequestNotFound):
        await _kinds(server, "nope")


async def test_patience_with_an_absent_server_ends() -> None:
    async with RuntimeClient(ClientOptions(url="http://127.0.0.1:9")) as client:
        with pytest.raises(ServerUnreachable):
            async for _ in client.tasks.stream("x", StreamOptions(patience_seconds=0.2)):
                pass
