"""Reads the `text/event-stream` format (WHATWG HTML, "Server-sent events": interpreting an event stream).

Lines end at CR, LF or CRLF only. Python's and httpx's own line readers also break at U+2028 and other separators, which
may stand unescaped inside the JSON of an event, so the splitting is done here.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class ServerSentEvent:
    """One dispatched event; `id` is the last id seen up to and including it."""

    event: str
    data: str
    id: str | None


class EventStreamParser:
    """Takes bytes as they arrive, cut anywhere, and gives the events that they complete."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._rest = ""
        self._event = ""
        self._data: list[str] = []
        self._id: str | None = None

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """The events completed by `chunk`."""
        completed = [self._take_line(line) for line in self._whole_lines(self._decoder.decode(chunk))]
        return [event for event in completed if event is not None]

    def _whole_lines(self, text: str) -> list[str]:
        buffered = self._rest + text
        # A CR at the very end may be the first half of a CRLF.
        held = "\r" if buffered.endswith("\r") else ""
        *lines, rest = _LINE_END.split(buffered[: len(buffered) - len(held)])
        self._rest = rest + held
        return lines

    def _take_line(self, line: str) -> ServerSentEvent | None:
        if line == "":
            return self._dispatch()
        name, _, value = line.partition(":")
        self._take_field(name, value.removeprefix(" "))
        return None

    def _take_field(self, name: str, value: str) -> None:
        if name == "event":
            self._event = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value

    def _dispatch(self) -> ServerSentEvent | None:
        event, data = self._event or "message", self._data
        self._event, self._data = "", []
        return ServerSentEvent(event, "\n".join(data), self._id) if data else None
