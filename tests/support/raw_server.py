"""A local server that answers each connection with a script: for answers that no well-behaved server gives."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext

from tests.support.model_server_http import Connection, Request

Answer = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """Where it listens, and what it was asked."""

    port: int
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def raw_server(
    answer: Answer, *, host: str = "127.0.0.1", keeps: bool = False, ssl_context: SSLContext | None = None
) -> AsyncIterator[RawServer]:
    """Runs on a free port; `answer` writes bytes as it likes, the connection ends after it unless it `keeps`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.connections += 1
        try:
            while request := await Connection(reader, writer).read_request():
                here.requests.append(request)
                await answer(request, writer)
                await writer.drain()
                if not keeps:
                    break
        except ConnectionError:
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def tracked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        with suppress(asyncio.CancelledError):
            await serve(reader, writer)

    serving: list[asyncio.Task[None] | None] = []
    here = RawServer(0)
    server = await asyncio.start_server(tracked, host, 0, ssl=ssl_context)
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        server.close()
        for task in filter(None, serving):
            task.cancel()
        await asyncio.gather(*filter(None, serving), return_exceptions=True)


def plain(status: int, body: bytes = b"", **headers: str) -> bytes:
    """A whole answer; `_` in the names of headers stands for `-`."""
    fields = {"content-length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} X\r\n{lines}connection: close\r\n\r\n".encode("latin-1") + body
