"""Open streams: bounded for each tenant and each reader, resumed without loss, and gone when their reader is."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from agent_runtime.api import event_stream, task_feed
from agent_runtime.api.app import create_app
from agent_runtime.api.task_feed import TaskFeed
from agent_runtime.config import Settings, load
from tests.api.stand_in_worker import StandInWorker
from tests.api.test_task_history import Reader
from tests.support.waiting import eventually


def write_turns(worker: StandInWorker, task: str, number: int, size: int = 10) -> None:
    """A conversation of so many turns, at sequences 3 and on."""
    worker.execute(
        "insert into par.messages (tenant_id, task_id, namespace, sequence, checksum, body)"
        " select 'default', %s, '', n, 0,"
        " convert_to(json_build_object('type', 'ai', 'content', repeat('x', %s) || n)::text, 'UTF8')"
        " from generate_series(3, %s + 2) n",
        task, size, number,
    )  # fmt: skip
    worker.execute(
        "insert into par.events (tenant_id, task_id, sequence, kind, agent_id, message_namespace, message_sequence,"
        " created_at) select 'default', %s, n, 'model_turn', 'research', '', n, par.now()"
        " from generate_series(3, %s + 2) n",
        task, number,
    )  # fmt: skip
    worker.execute("update par.attempts set last_sequence = %s + 2 where task_id = %s", number, task)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.1)


@pytest.fixture
async def small(settings: Settings) -> AsyncIterator[FastAPI]:
    """A server that lets a tenant have two streams."""
    assert settings.database_url is not None
    environment = {"PAR_DATABASE_URL": settings.database_url, "PAR_MAX_STREAMS": "2", "PAR_DISCOVERY": "off"}
    app = create_app(load(environment, settings.data_dir))
    async with app.router.lifespan_context(app):
        yield app


async def test_one_stream_too_many_is_429_and_one_that_closed_makes_room(small: FastAPI, task: str) -> None:
    path = f"/v1/tasks/{task}/stream"
    streams = [Reader(small, path) for _ in range(2)]

    async def all_open() -> bool:
        return all(reader.events for reader in streams)

    await eventually(all_open, "two streams to begin")
    transport = httpx.ASGITransport(app=small)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        refused = await client.get(path)
        assert refused.status_code == 429, refused.text
        assert int(refused.headers["retry-after"]) > 0
        assert "2 streams" in refused.json()["detail"]
    await streams[0].stop()
    third = Reader(small, path)
    streams[0] = third
    await eventually(all_open, "a third stream after one has closed")
    for reader in streams:
        await reader.stop()
    assert small.state.runtime.feed.open_streams == 0


@pytest.mark.usefixtures("quick")
async def test_a_quiet_stream_sends_comments_that_keep_proxies_from_closing_it(app: FastAPI, task: str) -> None:
    reader = Reader(app, f"/v1/tasks/{task}/stream")

    async def alive() -> bool:
        return reader.raw.count(b": alive\n\n") >= 3

    await eventually(alive, "heartbeats")
    await reader.stop()


async def test_resuming_anywhere_repeats_nothing_and_loses_nothing(
    app: FastAPI, task: str, worker: StandInWorker
) -> None:
    await worker.claim()
    write_turns(worker, task, 250)
    await worker.complete(task)
    whole = [event.id for event in await Reader(app, f"/v1/tasks/{task}/stream").ended() if event.event != "end"]
    assert whole == [str(n) for n in range(1, 254)]
    for last in (1, 99, 100, 101, 252, 253):
        resumed = await Reader(app, f"/v1/tasks/{task}/stream", {"Last-Event-ID": str(last)}).ended()
        assert [event.id for event in resumed if event.event != "end"] == whole[last:]
        assert resumed[-1].event == "end"


async def test_a_new_stream_begins_at_once_whatever_others_wait_for(
    app: FastAPI, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_feed, "POLL_SECONDS", 3_600.0)
    feed: TaskFeed = app.state.runtime.feed
    watchers = []
    for _ in range(3):
        watchers.append(feed.watch("default", task, 0))
        assert await asyncio.wait_for(watchers[-1].take(), 20)
    for watcher in watchers:
        feed.leave(watcher)


async def test_a_reader_that_does_not_read_is_not_asked_for_and_costs_little(
    app: FastAPI, task: str, worker: StandInWorker
) -> None:
    await worker.claim()
    write_turns(worker, task, 2_000, size=5_000)
    await worker.complete(task)
    feed: TaskFeed = app.state.runtime.feed
    lazy, keen = feed.watch("default", task, 0), Reader(app, f"/v1/tasks/{task}/stream")
    assert len([event for event in await keen.ended() if event.event != "end"]) == 2_003
    waiting = await asyncio.wait_for(lazy.take(), 5)
    assert waiting is not None
    assert len(waiting) < task_feed.WAITING_BYTES + task_feed.PAGE * 6_000
    rest = 0
    while (frames := await asyncio.wait_for(lazy.take(), 5)) is not None:
        rest += frames.count(b"\nid: ")
    assert rest + waiting.count(b"\nid: ") == 2_003
    feed.leave(lazy)


async def test_a_reader_that_stands_still_is_dropped_and_the_task_goes_on(
    app: FastAPI, api: httpx.AsyncClient, task: str, worker: StandInWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "STANDSTILL_SECONDS", 0.1)
    feed: TaskFeed = app.state.runtime.feed
    stream = event_stream.TaskStream(feed, feed.watch("default", task, 0))

    async def never(_: object = None) -> object:
        return await asyncio.Event().wait()

    scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
    await asyncio.wait_for(stream(scope, never, never), 5)  # type: ignore[arg-type]
    assert feed.open_streams == 0
    await worker.claim()
    await worker.complete(task)
    assert (await api.get(f"/v1/tasks/{task}")).json()["status"] == "completed"
