"""A client that costs next to nothing, so that the server is what is measured: HTTP/1.1 over one kept-alive socket."""

import asyncio
import http.client
import json
from typing import Any


def get_once(port: int, path: str) -> int:
    """Status of one GET; 0 when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


class Client:
    """One connection; one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> "Client":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 24)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    async def get(self, path: str) -> Any:
        """The JSON of a GET. Raises RuntimeError for any status but 200."""
        return await self._ask("GET", path, b"", 200)

    async def post(self, path: str, body: bytes) -> Any:
        """The JSON of a POST. Raises RuntimeError for any status but 201."""
        return await self._ask("POST", path, body, 201)

    async def status(self, method: str, path: str, body: bytes) -> int:
        """The status of any answer."""
        return (await self._exchange(method, path, body))[0]

    async def _ask(self, method: str, path: str, body: bytes, expected: int) -> Any:
        status, content = await self._exchange(method, path, body)
        if status != expected:
            raise RuntimeError(f"{method} {path} answered {status}: {content[:300]!r}")
        return json.loads(content)

    async def _exchange(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        assert self._reader is not None
        assert self._writer is not None
        head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{self._port}\r\naccept: application/json\r\n"
        if method == "POST":
            head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self._writer.write(head.encode() + b"\r\n" + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(answer.split("content-length:", 1)[1].split("\r\n", 1)[0])
        return int(answer.split(" ", 2)[1]), await self._reader.readexactly(length)
