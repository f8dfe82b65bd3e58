"""What a task tells of itself: events, checkpoints, timeline, stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from agent_runtime.client.event_stream import EventStreamParser, ServerSentEvent
from tests.api.stand_in_worker import StandInWorker
from tests.support.waiting import eventually

CALL = {"name": "calculator", "args": {"expression": "6*7"}, "id": "call_1"}


def write_conversation(worker: StandInWorker, task: str) -> None:
    """One turn of each kind, at sequences 3 to 6."""
    worker.write_turn(task, 3, "user_turn", {"type": "human", "content": "Why?"})
    worker.write_turn(
        task, 4, "model_turn", {"type": "ai", "content": [{"type": "text", "text": "Hm \ud800."}], "tool_calls": [CALL]}
    )
    worker.execute(
        "insert into par.events (tenant_id, task_id, sequence, kind, agent_id, message_namespace, message_sequence,"
        " tool_call_id, tool_name, created_at) values ('default', %s, 5, 'tool_call', 'research', '', 4, 'call_1',"
        " 'calculator', par.now())",
        task,
    )
    worker.write_turn(task, 6, "tool_result", {"type": "tool", "content": "4" * 30_000}, tool_call_id="call_1")


async def test_the_timeline_merges_messages_calls_and_events(
    api: httpx.AsyncClient, task: str, worker: StandInWorker
) -> None:
    await worker.claim()
    write_conversation(worker, task)
    await worker.complete(task)
    items = (await api.get(f"/v1/tasks/{task}/activity")).json()["items"]
    kinds = ["event", "event", "user_turn", "model_turn", "tool_call", "tool_result", "event"]
    assert [item["kind"] for item in items] == kinds
    assert [item["sequence"] for item in items] == [1, 2, 3, 4, 5, 6, 7]
    assert items[2]["text"] == "Why?"
    assert items[3]["text"].startswith("Hm ")
    assert items[4]["tool_args"] == {"expression": "6*7"}
    assert (len(items[5]["result"]), items[5]["truncated_bytes"]) == (25 * 1024, 30_000 - 25 * 1024)
    assert items[6]["event_type"] == "task_completed"
    page = (await api.get(f"/v1/tasks/{task}/activity?limit=3")).json()
    rest = (await api.get(f"/v1/tasks/{task}/activity?limit=10&cursor={page['next_cursor']}")).json()
    assert [item["sequence"] for item in page["items"] + rest["items"]] == [1, 2, 3, 4, 5, 6, 7]


async def test_events_are_the_lifecycle_alone_with_stable_ids(
    api: httpx.AsyncClient, task: str, worker: StandInWorker
) -> None:
    await worker.claim()
    write_conversation(worker, task)
    await worker.complete(task)
    first = (await api.get(f"/v1/tasks/{task}/events")).json()["items"]
    again = (await api.get(f"/v1/tasks/{task}/events")).json()["items"]
    assert first == again
    told = [(event["event_type"], event["status_before"], event["status_after"]) for event in first]
    assert told == [
        ("task_submitted", None, "queued"),
        ("task_claimed", "queued", "running"),
        ("task_completed", "running", "completed"),
    ]
    assert len({event["event_id"] for event in first}) == 3


async def test_checkpoints_show_their_cost(api: httpx.AsyncClient, task: str, worker: StandInWorker) -> None:
    await worker.claim()
    for step in (1, 2):
        worker.execute(
            "insert into par.checkpoints (tenant_id, task_id, namespace, checkpoint_id, attempt, run_number,"
            " step_number, node_name, duration_ms, state, checksum, created_at)"
            " values ('default', %s, '', %s, 1, 1, %s, 'model', 5, '', 0, par.now())",
            task, f"019af0d0-0000-7000-8000-00000000000{step}", step,
        )  # fmt: skip
    for cost in (10, 5):
        worker.execute(
            "insert into par.ledger (tenant_id, task_id, call_id, agent_id, run_number, attempt, checkpoint_id,"
            " input_tokens, output_tokens, cost_microdollars, created_at)"
            " values ('default', %s, gen_random_uuid(), 'research', 1, 1,"
            " '019af0d0-0000-7000-8000-000000000002', 7, 3, %s, par.now())",
            task, cost,
        )  # fmt: skip
    items = (await api.get(f"/v1/tasks/{task}/checkpoints")).json()["items"]
    assert [(item["step_number"], item["cost_microdollars"], item["input_tokens"]) for item in items] == [
        (1, 0, 0),
        (2, 15, 14),
    ]
    assert items[0]["worker_id"] == "stand-in"


class Reader:
    """Takes the bytes of a stream apart."""

    def __init__(self, app: FastAPI, path: str, headers: dict[str, str] | None = None) -> None:
        self.events: list[ServerSentEvent] = []
        self.status = 0
        self.raw = b""
        self._task = asyncio.create_task(self._read(app, path, headers or {}))

    async def _read(self, app: FastAPI, path: str, headers: dict[str, str]) -> None:
        parser = EventStreamParser()

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
            self.raw += message.get("body", b"")
            self.events += parser.feed(message.get("body", b""))

        sent = [(b"host", b"localhost"), *[(k.lower().encode(), v.encode()) for k, v in headers.items()]]
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": sent,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8080),
            "root_path": "",
        }
        await app(scope, receive, send)

    async def ended(self) -> list[ServerSentEvent]:
        await asyncio.wait_for(self._task, 10)
        return self.events

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def readers(app: FastAPI) -> AsyncIterator[list[Reader]]:
    made: list[Reader] = []
    yield made
    for reader in made:
        await reader.stop()


async def test_a_finished_task_replays_and_ends(app: FastAPI, task: str, worker: StandInWorker) -> None:
    await worker.claim()
    write_conversation(worker, task)
    await worker.complete(task)
    events = await Reader(app, f"/v1/tasks/{task}/stream").ended()
    assert [event.event for event in events] == [
        "lifecycle", "lifecycle", "turn", "turn", "tool_call", "tool_result", "lifecycle", "end",
    ]  # fmt: skip
    assert [event.id for event in events[:-1]] == ["1", "2", "3", "4", "5", "6", "7"]
    assert json.loads(events[-2].data)["event_type"] == "task_completed"
    resumed = await Reader(app, f"/v1/tasks/{task}/stream", {"Last-Event-ID": "5"}).ended()
    assert [event.event for event in resumed] == ["tool_result", "lifecycle", "end"]
    by_query = await Reader(app, f"/v1/tasks/{task}/stream?last_event_id=7").ended()
    assert [event.event for event in by_query] == ["end"]


async def test_a_stream_follows_a_task_with_its_tokens(
    app: FastAPI, task: str, worker: StandInWorker, readers: list[Reader]
) -> None:
    reader = Reader(app, f"/v1/tasks/{task}/stream")
    readers.append(reader)

    async def heard(name: str) -> bool:
        return any(event.event == name for event in reader.events)

    await eventually(lambda: heard("lifecycle"), "the first event")
    await worker.claim()

    async def speak() -> bool:
        worker.execute(
            "insert into par.token_chunks (tenant_id, task_id, attempt, text) select 'default', task_id, 1, 'Bec'"
            " from par.token_listeners where expires_at > par.now()"
        )
        return await heard("token")

    await eventually(speak, "live tokens")
    await worker.complete(task)
    events = await reader.ended()
    assert [event.event for event in events if event.event != "token"] == ["lifecycle"] * 3 + ["end"]
    token = next(event for event in events if event.event == "token")
    assert json.loads(token.data) == {"text": "Bec", "attempt": 1}
    assert all(event.id is None or event.id.isdecimal() for event in events)


async def test_a_redriven_task_streams_on_past_its_first_end(app: FastAPI, api: httpx.AsyncClient, task: str) -> None:
    await api.post(f"/v1/tasks/{task}/cancel")
    await api.post(f"/v1/tasks/{task}/redrive")
    reader = Reader(app, f"/v1/tasks/{task}/stream")

    async def both() -> bool:
        return len(reader.events) == 3

    await eventually(both, "the events of both runs")
    await api.post(f"/v1/tasks/{task}/cancel")
    told = [json.loads(event.data).get("event_type") for event in await reader.ended()]
    assert told == ["task_submitted", "task_cancelled", "task_redriven", "task_cancelled", None]


async def test_five_hundred_streams_share_one_poller(app: FastAPI, api: httpx.AsyncClient, task: str) -> None:
    streams = [Reader(app, f"/v1/tasks/{task}/stream") for _ in range(500)]

    async def all_open() -> bool:
        return all(reader.events for reader in streams)

    await eventually(all_open, "500 streams to begin", seconds=15)
    await api.post(f"/v1/tasks/{task}/cancel")
    for reader in streams:
        assert [event.event for event in await reader.ended()] == ["lifecycle", "lifecycle", "end"]
    assert app.state.runtime.feed.open_streams == 0


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 30])
async def test_a_last_event_id_of_elsewhere_is_422(api: httpx.AsyncClient, task: str, last: str) -> None:
    answer = await api.get(f"/v1/tasks/{task}/stream", headers={"Last-Event-ID": last})
    assert answer.status_code == 422


async def test_a_price_that_nobody_knows_is_never_shown_as_nothing(
    api: httpx.AsyncClient, task: str, worker: StandInWorker
) -> None:
    await worker.claim()
    cost = "insert into par.ledger (tenant_id, task_id, call_id, agent_id, run_number, attempt, cost_microdollars,"
    cost += " created_at) values ('default', %s, gen_random_uuid(), 'research', 1, 1, %s, par.now())"

    async def shown() -> tuple[Any, Any, Any]:
        row = (await api.get("/v1/tasks")).json()["items"][0]
        run = (await api.get(f"/v1/tasks/{task}/runs")).json()["items"][0]
        whole = (await api.get(f"/v1/tasks/{task}")).json()
        return whole["total_cost_microdollars"], row["total_cost_microdollars"], run["cost"]

    worker.execute(cost, task, 0)
    assert await shown() == (0, 0, 0)
    worker.execute(cost, task, None)
    assert await shown() == (None, None, None)
    worker.execute("update par.attempts set cost_microdollars = 7 where task_id = %s", task)
    assert await shown() == (7, 7, 7)
