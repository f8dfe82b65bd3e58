"""What arrives on a bare connection: heads without end, heads that never come, and no HTTP at all."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import uvicorn
from fastapi import FastAPI

from agent_runtime.api import http_protocol
from agent_runtime.api.http_protocol import GuardedProtocol
from tests.support.waiting import eventually

HOST = b"Host: 127.0.0.1\r\n"


@pytest.fixture
async def port(app: FastAPI, unused_tcp_port: int) -> AsyncIterator[int]:
    """The application behind the protocol that the server uses."""
    config = uvicorn.Config(
        app, port=unused_tcp_port, http=GuardedProtocol, ws="none", lifespan="off", log_config=None, log_level="error"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started, "the server listens")
    yield unused_tcp_port
    server.should_exit = True
    await serving


async def exchange(port: int, *parts: bytes) -> tuple[int, dict[str, object]]:
    """Send the parts; the status and the document of the first answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = next(line for line in head.lower().splitlines() if line.startswith("content-length:"))
        body = json.loads(await reader.readexactly(int(size.partition(":")[2])))
        return int(head.split()[1]), body
    finally:
        writer.close()


async def test_headers_without_end_are_refused_early(port: int) -> None:
    many = [b"X-%d: " % number + b"y" * 8_000 + b"\r\n" for number in range(60)]
    status, problem = await exchange(port, b"GET /v1/tasks HTTP/1.1\r\n", *many)
    assert (status, problem["code"]) == (431, "head_too_large")
    status, problem = await exchange(port, b"GET /" + b"a" * 400_000)
    assert (status, problem["code"]) == (431, "head_too_large")


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"nonsense\r\n\r\n"])
async def test_what_is_no_http_is_a_problem_too(port: int, sent: bytes) -> None:
    status, problem = await exchange(port, sent)
    assert (status, problem["status"]) == (400, 400)


async def test_a_head_that_never_ends_gives_its_connection_back(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    for begun in (b"", b"GET /v1/tasks HTTP/1.1\r\nHost: 127"):
        status, _ = await exchange(port, begun)
        assert status == 408


async def test_later_requests_of_a_connection_have_their_own_limits(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(12):
        padding = b"X-Long: " + b"y" * 20_000 + b"\r\n"
        writer.write(b"GET /v1/health/live HTTP/1.1\r\n" + HOST + padding + b"\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        await reader.readexactly(len(b'{"status":"ok"}'))
    await asyncio.sleep(0.4)
    writer.write(b"GET /v1/health/live HTTP/1.1\r\n" + HOST + b"\r\n")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    writer.close()
