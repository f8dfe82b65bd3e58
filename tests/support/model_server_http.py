"""A small HTTP/1.1 server side on asyncio streams: enough to answer JSON and streams, and to misbehave at will."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}


class ClientGone(Exception):
    """The client closed the connection before its answer was complete."""


@dataclass
class Request:
    """One parsed request. Header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body or b"{}")


@dataclass
class Connection:
    """Writes one answer after another on a client's connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    streaming: bool = field(default=False, init=False)

    async def read_request(self) -> Request | None:
        """The next request, or None when the client has closed."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        url = urlsplit(target)
        return Request(method, unquote(url.path), dict(parse_qsl(url.query)), headers, body)

    async def answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """A whole answer: JSON unless `body` is bytes already."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self._head(
            status, {"content-type": "application/json", "content-length": str(len(raw)), **(headers or {})}
        )
        await self.write(raw)

    async def begin_stream(self, content_type: str) -> None:
        """The head of a chunked answer; `send` and `end_stream` follow."""
        await self._head(200, {"content-type": content_type, "transfer-encoding": "chunked"})
        self.streaming = True

    async def send(self, raw: bytes) -> None:
        """One piece of a chunked answer."""
        if raw:
            await self.write(b"%x\r\n%b\r\n" % (len(raw), raw))

    async def end_stream(self) -> None:
        """The clean end of a chunked answer."""
        self.streaming = False
        await self.write(b"0\r\n\r\n")

    async def write(self, raw: bytes) -> None:
        try:
            self.writer.write(raw)
            await self.writer.drain()
        except ConnectionError as error:
            raise ClientGone from error

    async def pause(self, seconds: float) -> None:
        """Wait, and notice at once when the client goes away."""
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                if not await self.reader.read(1):
                    raise ClientGone
        except TimeoutError:
            return
        except ConnectionError as error:
            raise ClientGone from error

    def abort(self) -> None:
        """Reset the connection."""
        self.writer.transport.abort()

    async def _head(self, status: int, headers: Mapping[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", *(f"{k}: {v}" for k, v in headers.items())]
        await self.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
