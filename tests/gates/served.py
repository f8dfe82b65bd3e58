"""The API on a socket, for programs that speak HTTP: the client, and `par` in a thread."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvicorn
from fastapi import FastAPI

from agent_runtime.api.http_protocol import GuardedProtocol
from tests.support.waiting import eventually


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve an application whose lifespan runs already; gives its address."""
    config = uvicorn.Config(
        app, port=0, lifespan="off", log_level="warning", http=GuardedProtocol, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())

    async def listens() -> bool:
        return server.started

    try:
        await eventually(listens, "the API listens")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def losing_answers(url: str, losses: int) -> AsyncIterator[str]:
    """A way to the server on which the answers to the first `losses` POSTs get lost; gives its address."""
    port = int(url.rpartition(":")[2])
    left = [losses]
    carrying: set[asyncio.Task[None] | None] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carrying.add(asyncio.current_task())
        there, back = await asyncio.open_connection("127.0.0.1", port)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            request = head + await reader.readexactly(_length(head))
            # One request for each connection, so that each answer ends with its connection.
            back.write(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            lost = head.startswith(b"POST") and left[0] > 0
            left[0] -= lost
            while chunk := await there.read(65_536):
                if not lost:
                    writer.write(chunk)
                    await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            for end in (writer, back):
                end.close()
                with suppress(ConnectionError):
                    await end.wait_closed()

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*(each for each in carrying if each is not None))


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0
