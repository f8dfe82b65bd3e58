"""A task is submitted with its files, all of them or nothing, and nothing of them is held in memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from agent_runtime.api import multipart
from agent_runtime.artifacts.memory_objects import MemoryObjects
from agent_runtime.artifacts.sweep import sweep
from agent_runtime.config import Settings
from agent_runtime.store.database import Database
from tests.support.memory import watched_memory
from tests.support.tasks import TaskBook

MEGABYTE = 1_048_576


@pytest.fixture
def book(database_url: str) -> TaskBook:
    """The database with an agent that has a sandbox and one that has none."""
    book = TaskBook(database_url)
    book.add_agent("coder", config={"sandbox": {"enabled": True}})
    book.add_agent("talker")
    return book


def request(**fields: Any) -> tuple[str, tuple[None, bytes, str]]:
    body = {"agent_id": "coder", "input": "Mend it", **fields}
    return ("task_request", (None, json.dumps(body).encode(), "application/json"))


def file(name: str, content: bytes = b"x", kind: str = "text/plain") -> tuple[str, tuple[str, bytes, str]]:
    return ("files", (name, content, kind))


async def submit(api: httpx.AsyncClient, *parts: Any, **headers: str) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.post("/v1/tasks", files=list(parts), headers=sent)


def stored_files(settings: Settings) -> list[Path]:
    return [path for path in (settings.data_dir / "artifacts").rglob("*") if path.is_file()]


async def nothing_left(book: TaskBook, settings: Settings, app: FastAPI) -> None:
    """No task, no row, and after the sweep no bytes."""
    assert book.rows("select * from par.tasks") == []
    assert book.rows("select * from par.artifacts") == []
    async with Database(book.url, "par_worker") as database:
        await sweep(database, app.state.runtime.objects, older_than_seconds=0)
    assert book.rows("select * from par.loose_objects") == []
    assert stored_files(settings) == []


async def test_a_task_has_its_files_from_the_beginning(api: httpx.AsyncClient, book: TaskBook) -> None:
    answer = await submit(api, request(), file("a.csv", b"1,2"), file("Übung.txt", b""))
    assert answer.status_code == 201, answer.text
    submitted = answer.json()
    assert set(submitted) == {"task_id", "agent_id", "agent_display_name", "status", "created_at"}
    task = (await api.get(f"/v1/tasks/{submitted['task_id']}")).json()
    assert [(each["filename"], each["direction"], each["size_bytes"]) for each in task["artifacts"]] == [
        ("a.csv", "input", 3),
        ("Übung.txt", "input", 0),
    ]
    found = await api.get(f"/v1/tasks/{submitted['task_id']}/artifacts/a.csv", params={"direction": "input"})
    assert found.content == b"1,2"
    assert task["input"] == "Mend it"


async def test_the_parts_come_in_any_order_and_files_may_be_none(api: httpx.AsyncClient, book: TaskBook) -> None:
    assert (await submit(api, file("a.csv"), request(), file("b.csv"))).status_code == 201
    assert (await submit(api, request(agent_id="talker"))).status_code == 201


@pytest.mark.parametrize(
    ("parts", "status", "words"),
    [
        ([request(agent_id="talker"), file("a")], 400, "has no sandbox"),
        ([file("a"), request(agent_id="talker")], 400, "has no sandbox"),
        ([file("a")], 422, "task_request: Field required"),
        ([file("a"), request(input="")], 422, "input"),
        ([file("a"), request(colour="red")], 422, "colour"),
        ([file("a"), ("task_request", (None, b"{", "application/json"))], 400, "part task_request is not JSON"),
        ([file("a"), request(), request()], 422, "given twice"),
        ([request(), file("a"), file("a")], 422, "'a' is given twice"),
        ([request(), file("a/b")], 422, "must not hold a slash"),
        ([request(), file("..")], 422, "name of a folder"),
        ([request(), file("x" * 256)], 422, "255 bytes"),
        ([request(), file("a"), ("other", (None, b"1", "text/plain"))], 422, "other"),
        ([request(), ("files", (None, b"1", "text/plain"))], 422, "needs a filename"),
        ([request(agent_id="nobody"), file("a")], 404, "there is no agent"),
        ([request(budget_max=10**12), file("a")], 400, "budget"),
        ([file("a"), ("task_request", (None, b" " * 1_100_000, "application/json"))], 413, "over the limit"),
    ],
)
async def test_what_is_refused_leaves_nothing(
    parts: Any, status: int, words: str, api: httpx.AsyncClient, book: TaskBook, settings: Settings, app: FastAPI
) -> None:
    book.rows("update par.agents set budget_max_per_task = 1000")
    answer = await submit(api, *parts)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]
    await nothing_left(book, settings, app)


async def test_a_file_over_fifty_megabytes_and_a_task_over_its_room_are_413(
    api: httpx.AsyncClient, book: TaskBook, settings: Settings, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_runtime.artifacts.upload.FILE_BYTES", 1_000)
    monkeypatch.setattr("agent_runtime.domain.artifact.TASK_BYTES", 1_500)
    answer = await submit(api, request(), file("a", bytes(1_001)))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    answer = await submit(api, request(), file("a", bytes(900)), file("b", bytes(900)))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    await nothing_left(book, settings, app)


async def test_the_same_key_with_the_same_files_answers_the_first_task(
    api: httpx.AsyncClient, book: TaskBook, settings: Settings, app: FastAPI
) -> None:
    first = await submit(api, request(), file("a", b"1"), file("b", b"2"), Idempotency_Key="k")
    again = await submit(api, file("b", b"2"), file("a", b"1"), request(), Idempotency_Key="k")
    assert (again.status_code, again.json()) == (201, first.json())
    other = await submit(api, request(), file("a", b"1"), file("b", b"3"), Idempotency_Key="k")
    assert other.status_code == 422
    fewer = await submit(api, request(), file("a", b"1"), Idempotency_Key="k")
    assert fewer.status_code == 422
    async with Database(book.url, "par_worker") as database:
        await sweep(database, app.state.runtime.objects, older_than_seconds=0)
    assert len(stored_files(settings)) == 2
    assert len(book.rows("select * from par.tasks")) == 1


async def test_duplicates_at_the_same_time_make_one_task(api: httpx.AsyncClient, book: TaskBook) -> None:
    answers = await asyncio.gather(*(submit(api, request(), file("a"), Idempotency_Key="k") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["task_id"] for answer in answers}) == 1
    assert len(book.rows("select * from par.artifacts")) == 1


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data", b"--b\r\n", 400),
        ("multipart/form-data; boundary=b", b"", 400),
        ("multipart/form-data; boundary=b", b"no boundary here", 400),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nx',
            400,
        ),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"X: y\r\n" * 50 + b"\r\n\r\n--b--\r\n", 400),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="files"; filename="\xff"\r\n\r\nx\r\n--b--\r\n',
            422,
        ),
        ("multipart/form-data; boundary=b", b"--b--\r\n", 422),
        ("multipart/mixed; boundary=b", b"--b--\r\n", 415),
    ],
)
async def test_what_is_no_multipart_body_is_refused(
    kind: str, body: bytes, status: int, api: httpx.AsyncClient, book: TaskBook, settings: Settings, app: FastAPI
) -> None:
    answer = await api.post("/v1/tasks", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text
    await nothing_left(book, settings, app)


async def test_a_body_that_drips_is_given_up(
    api: httpx.AsyncClient, book: TaskBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multipart, "STALL_SECONDS", 0.2)

    async def dripping() -> AsyncIterator[bytes]:
        yield b"--b\r\n"
        await asyncio.sleep(5)

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await api.post("/v1/tasks", content=dripping(), headers=kind)
    assert answer.status_code == 408


async def test_a_store_that_is_away_is_503_and_makes_no_task(
    api: httpx.AsyncClient, app: FastAPI, book: TaskBook
) -> None:
    down: Any = MemoryObjects()
    down.down = True
    object.__setattr__(app.state.runtime, "objects", down)
    answer = await submit(api, request(), file("a"))
    assert (answer.status_code, answer.json()["code"]) == (503, "object_store_unavailable")
    assert book.rows("select * from par.tasks") == []


async def test_fifty_megabytes_come_and_go_through_less_than_twenty(
    api: httpx.AsyncClient, app: FastAPI, book: TaskBook
) -> None:
    head = f'--b\r\nContent-Disposition: form-data; name="task_request"\r\n\r\n{request()[1][1].decode()}\r\n'
    begin = '--b\r\nContent-Disposition: form-data; name="files"; filename="big.bin"\r\n\r\n'

    async def body(megabytes: int) -> AsyncIterator[bytes]:
        yield (head + begin).encode()
        piece = bytes(256 * 1024)
        for _ in range(megabytes * 4):
            yield piece
        yield b"\r\n--b--\r\n"

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    first = await api.post("/v1/tasks", content=body(1), headers=kind)
    assert first.status_code == 201, first.text
    with watched_memory() as growth:
        answer = await api.post("/v1/tasks", content=body(50), headers=kind, timeout=60)
    assert answer.status_code == 201, answer.text
    assert growth.highest < 20 * MEGABYTE
    [row] = book.rows("select max(size_bytes) as most from par.artifacts")
    assert row["most"] == 50 * MEGABYTE
