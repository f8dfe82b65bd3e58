"""Attacks on the wire: bodies that drip, forms without measure, ranges that ask for everything many times."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from fastapi import FastAPI

from agent_runtime.api import multipart, request_body
from tests.gates.served import served
from tests.support.memory import watched_memory
from tests.support.tasks import TaskBook

BOUNDARY = "multipart/form-data; boundary=b"
MEGABYTE = 1_048_576
FIELD = b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n'
TASK = b'--b\r\nContent-Disposition: form-data; name="task_request"\r\n\r\n{"agent_id": "coder", "input": "x"}\r\n'
HEADERS = b'--b\r\nContent-Disposition: form-data; name="files"\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="files"; filename="%d"\r\n\r\n\r\n'


@pytest.fixture
async def port(app: FastAPI, database_url: str) -> AsyncIterator[int]:
    """The application behind a real server, with an agent that takes files."""
    TaskBook(database_url).add_agent("coder", config={"sandbox": {"enabled": True}})
    async with served(app) as url:
        yield int(url.rpartition(":")[2])


async def answer_to(port: int, head: bytes, pieces: AsyncIterator[bytes]) -> tuple[int, bytes]:
    """Send until the server answers; the status and all that came until it closed the connection."""
    loop = asyncio.get_running_loop()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setblocking(False)

        async def send() -> None:
            with suppress(OSError):
                await loop.sock_sendall(connection, head)
                async for piece in pieces:
                    await loop.sock_sendall(connection, piece)

        sending = asyncio.create_task(send())
        found = b""
        # A server that closes before all was sent resets the connection; what it had answered came before that.
        with suppress(ConnectionResetError):
            async with asyncio.timeout(30):
                while data := await loop.sock_recv(connection, 65_536):
                    found += data
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    return int(found.split()[1]), found


def post(kind: str) -> bytes:
    head = f"POST /v1/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n"
    return head.encode() + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def without_end(make: Callable[[int], bytes], first: bytes = b"") -> AsyncIterator[bytes]:
    if first:
        yield chunk(first)
    number = 0
    while True:
        yield chunk(b"".join(make(each) for each in range(number, number + 100)))
        number += 100


@pytest.mark.parametrize("kind", ["application/json", BOUNDARY])
async def test_a_body_that_drips_a_byte_at_a_time_is_given_up_and_others_are_served(
    kind: str, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No byte is late, so that only the time of the whole body can end it."""
    monkeypatch.setattr(request_body, "READ_SECONDS", 1.0)
    monkeypatch.setattr(multipart, "WHOLE_SECONDS", 1.0)
    start = FILE % 1 if kind == BOUNDARY else b'{"input": "'

    async def dripping() -> AsyncIterator[bytes]:
        yield chunk(start.removesuffix(b"\r\n"))
        while True:
            yield chunk(b"x")
            await asyncio.sleep(0.02)

    drips = [asyncio.create_task(answer_to(port, post(kind), dripping())) for _ in range(20)]
    live = b"GET /v1/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    assert (await answer_to(port, live, nothing()))[0] == 200
    assert {status for status, _ in await asyncio.gather(*drips)} == {408}


async def nothing() -> AsyncIterator[bytes]:
    for piece in list[bytes]():
        yield piece


@pytest.mark.parametrize(
    ("make", "first", "status", "words"),
    [
        (lambda number: FIELD % number, b"", 422, b"f0"),
        (lambda number: FIELD % number, TASK, 422, b"f0"),
        (lambda _number: TASK, b"", 422, b"given twice"),
        (lambda _number: b"x" * 1_000, FIELD[:20], 400, b"not multipart"),
        (lambda number: b"X-%d: y\r\n" % number, HEADERS, 400, b"not multipart"),
        (lambda number: b"f%d=x&" % number, b"", 400, b"not multipart"),
    ],
    ids=["fields", "fields after the task", "tasks", "one header", "headers", "a form of another kind"],
)  # fmt: skip
async def test_a_form_without_measure_is_refused_early(
    make: Callable[[int], bytes], first: bytes, status: int, words: bytes, port: int
) -> None:
    with watched_memory() as growth:
        got, text = await answer_to(port, post(BOUNDARY), without_end(make, first))
    assert (got, words in text) == (status, True), text
    assert growth.highest < 20 * MEGABYTE


async def test_files_without_end_are_as_many_as_a_task_may_have_and_then_refused(
    port: int, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_runtime.domain.artifact.TASK_FILES", 20)
    got, text = await answer_to(port, post(BOUNDARY), without_end(lambda number: FILE % number, TASK))
    assert (got, b"may have 20 files" in text) == (413, True), text
    book = TaskBook(database_url)
    assert book.rows("select * from par.tasks") == []
    (row,) = book.rows("select count(*) as n, bool_and(doomed) as doomed from par.loose_objects")
    assert row == {"n": 20, "doomed": True}


@pytest.mark.parametrize(
    "asked", ["bytes=0-0", "bytes=-1", "bytes=9999999999-", "bytes=" + ",".join(["0-"] * 10_000), "lines=1", "bytes=x"]
)
async def test_a_range_is_answered_with_the_whole_file_once(
    asked: str, port: int, tmp_path: Path, database_url: str
) -> None:
    body = TASK + (FILE % 7).removesuffix(b"\r\n") + b"0123456789\r\n--b--\r\n"

    async def whole() -> AsyncIterator[bytes]:
        yield chunk(body) + b"0\r\n\r\n"

    made, text = await answer_to(port, post(BOUNDARY), whole())
    assert made == 201, text
    task_id = TaskBook(database_url).rows("select task_id from par.tasks")[0]["task_id"]
    path = f"/v1/tasks/{task_id}/artifacts/7?direction=input"
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nRange: {asked}\r\nConnection: close\r\n\r\n".encode()
    got, text = await answer_to(port, head, nothing())
    assert (got, text.partition(b"\r\n\r\n")[2]) == (200, b"0123456789")
    assert b"accept-ranges" not in text.lower()
