"""HTTP/1.1 of uvicorn with bounds on a request's head, and with answers of our own to what is no HTTP.

uvicorn keeps every header that arrives and waits for the last one without end, so that one connection could fill the
memory and a few thousand slow ones take all descriptors.
"""

import asyncio
import uuid
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from agent_runtime.api.json_text import to_json
from agent_runtime.api.problem import MEDIA_TYPE, Problem

HEAD_BYTES = 65_536
HEAD_SECONDS = 30.0


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    _in_head = True
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first request is due."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes in, and turn the request away when its head has no end."""
        if self._in_head:
            self._expect_head()
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES:
            self._refuse(Problem(431, f"the request line and headers are over the limit of {HEAD_BYTES} bytes"))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next request may follow on this connection."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(Problem(400, "this is no valid HTTP/1.1 request"))

    def _expect_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        if self._in_head:
            self._refuse(Problem(408, f"the request's head did not arrive within {HEAD_SECONDS:g} s"))

    def _refuse(self, problem: Problem) -> None:
        if self.transport.is_closing():
            return
        request_id = uuid.uuid4().hex
        body = to_json(problem.body(request_id))
        head: dict[str, Any] = {
            "content-type": MEDIA_TYPE,
            "content-length": len(body),
            "x-request-id": request_id,
            "connection": "close",
        }
        lines = [
            f"HTTP/1.1 {problem.status} {problem.body(request_id)['title']}",
            *(f"{k}: {v}" for k, v in head.items()),
        ]
        self.transport.write("\r\n".join([*lines, "", ""]).encode("ascii") + body)
        self.transport.close()
