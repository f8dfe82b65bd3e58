"""Reads a multipart body part by part while it arrives; nothing of it is held but the piece at hand."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from starlette.requests import ClientDisconnect, Request

from agent_runtime.api.problem import Problem, invalid_field

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

# The headers that begin a part, some of its bytes, or the word that something ends.
Event = dict[str, bytes] | bytes | Literal["part ends", "body ends"]

STALL_SECONDS = 30.0
WHOLE_SECONDS = 900.0
_CLOSE = {"Connection": "close"}
_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Part:
    """One part: read its `chunks` to their end before the next part is asked for."""

    name: str
    filename: str | None
    content_type: str | None
    chunks: AsyncIterator[bytes]

    async def read(self, limit: int) -> bytes:
        """The whole of a small part. Raises Problem 413."""
        found = bytearray()
        async for chunk in self.chunks:
            found += chunk
            if len(found) > limit:
                raise Problem(413, f"the part {self.name!r} is over the limit of {limit} bytes", headers=_CLOSE)
        return bytes(found)


@dataclass
class _Events:
    """What the parser has found and nobody has taken yet."""

    found: deque[Event] = field(default_factory=deque)
    headers: dict[str, bytes] = field(default_factory=dict)
    name: bytes = b""
    value: bytes = b""

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": lambda: self.found.append(self.headers),
            "on_part_data": lambda data, start, end: self.found.append(data[start:end]),
            "on_part_end": lambda: self.found.append("part ends"),
            "on_end": lambda: self.found.append("body ends"),
        }

    def _begin(self) -> None:
        self.headers = {}

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self.name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def _header_end(self) -> None:
        self.headers[self.name.decode("latin-1").lower()] = self.value
        self.name, self.value = b"", b""


async def parts_of(request: Request) -> AsyncIterator[Part]:
    """The parts in their order.

    Raises Problem: 400 when the body is no multipart body or ends early, 408 when it is too slow.
    """
    reader = _Reader(request)
    while (found := await reader.next_event()) != "body ends":
        if isinstance(found, dict):
            part = reader.part(found)
            yield part
            async for _ in part.chunks:
                pass


class _Reader:
    """Feeds the parser with what arrives, as far as somebody asks for events."""

    def __init__(self, request: Request) -> None:
        from python_multipart.multipart import MultipartParser, parse_options_header

        _, options = parse_options_header(request.headers.get("content-type", ""))
        boundary = options.get(b"boundary", b"")
        if not boundary:
            raise Problem(400, "the content type multipart/form-data needs a boundary")
        self._events = _Events()
        self._parser = MultipartParser(boundary, self._events.callbacks())
        self._stream = _body(request)

    async def next_event(self) -> Event:
        """The next thing found."""
        from python_multipart.exceptions import FormParserError

        while not self._events.found:
            data = await anext(self._stream, None)
            if data is None:
                raise Problem(400, "the multipart body ends early")
            try:
                self._parser.write(data)
            except FormParserError as error:
                raise Problem(400, f"the body is not multipart: {error}", headers=_CLOSE) from None
        return self._events.found.popleft()

    def part(self, headers: dict[str, bytes]) -> Part:
        """The part that these headers begin."""
        from python_multipart.multipart import parse_options_header

        _, options = parse_options_header(headers.get("content-disposition", b"").decode("latin-1"))
        filename = options.get(b"filename")
        kind = headers.get("content-type")
        return Part(
            name=_text(options.get(b"name", b"")),
            filename=None if filename is None else _text(filename),
            content_type=None if kind is None else kind.decode("latin-1"),
            chunks=self._chunks(),
        )

    async def _chunks(self) -> AsyncIterator[bytes]:
        while isinstance(found := await self.next_event(), bytes):
            yield found


async def _body(request: Request) -> AsyncIterator[bytes]:
    stream = aiter(request.stream())
    loop = asyncio.get_running_loop()
    ends = loop.time() + WHOLE_SECONDS
    while True:
        try:
            async with asyncio.timeout_at(min(loop.time() + STALL_SECONDS, ends)):
                data = await anext(stream, None)
        except TimeoutError:
            raise Problem(408, "the body arrived too slowly", headers=_CLOSE) from None
        except ClientDisconnect:
            raise Problem(400, "the body ended early") from None
        if data is None:
            return
        # A parser that is given much at once finds much at once, which would all be held.
        for start in range(0, len(data), _PIECE_BYTES):
            yield data[start : start + _PIECE_BYTES]


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise invalid_field(("body", "files"), "the name of a part or a file is not UTF-8") from None
