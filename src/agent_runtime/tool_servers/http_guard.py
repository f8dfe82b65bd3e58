"""What stands between the protocol's library and the network: headers, bounds, and word of what happens to a call.

The library swallows a response that breaks off and would wait for its answer for ever. Here every response is seen, so
that the call which waits for it can be told.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from agent_runtime.domain.errors import OutboundFailed
from agent_runtime.domain.tool_server import same_origin
from agent_runtime.tool_servers.connection import (
    LARGEST_RESULT_BYTES,
    CallLost,
    CallRefused,
    ServerConnection,
    ServerUnavailable,
)

KEY_FIELD = "idempotency_key"
# Room for the protocol around a result, and for the list of a server's tools.
_ENVELOPE_BYTES = 65_536
LARGEST_LIST_BYTES = 8 * 1_048_576
# How long an answer may still come after its response has ended: at once, or by resuming the stream.
_GRACE_SECONDS = 0.5
_RESUME_SECONDS = 5.0
_SESSION_GONE = 404


class SessionGone(ServerUnavailable):
    """The server does not know the session any more, so it did not make the call."""


class HttpGuard(httpx.AsyncBaseTransport):
    """A transport for one session, over the transport that holds the rules for addresses."""

    def __init__(self, server: ServerConnection, inner: httpx.AsyncBaseTransport) -> None:
        self._server = server
        self._inner = inner
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self._sent: set[str] = set()

    def watch(self, key: str) -> "asyncio.Future[None]":
        """A future that fails when the call of this key can get no answer any more; give it to `forget`."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        return future

    def forget(self, key: str) -> None:
        """Nobody waits for this call any more."""
        self._sent.discard(key)
        future = self._waiting.pop(key, None)
        if future is not None and not future.done():
            future.cancel()
        elif future is not None and not future.cancelled():
            future.exception()

    def was_sent(self, key: str) -> bool:
        """Whether anything of this call has gone out."""
        return key in self._sent

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request of the library's. Raises ServerUnavailable for a redirect and what the transport raises."""
        if request.method == "GET" and "last-event-id" not in request.headers:
            # The stream for the server's own wishes, which nobody serves.
            return httpx.Response(405, request=request)
        key = _key_of(request)
        self._add_headers(request, key)
        if key is not None:
            self._sent.add(key)
        try:
            response = await self._inner.handle_async_request(request)
        except (OutboundFailed, httpx.ConnectError, httpx.ConnectTimeout) as error:
            self._fail(key, SessionGone(f"{self._server.name} cannot be reached: {error}"))
            raise
        except httpx.HTTPError as error:
            self._fail(key, CallLost(f"the connection to {self._server.name} broke: {error}"))
            raise
        if response.status_code >= 300:
            self._fail(key, self._refusal(response.status_code))
        if 300 <= response.status_code < 400:
            await response.aclose()
            raise ServerUnavailable(f"{self._server.name} answers with a redirect, which is not followed")
        if request.method != "DELETE" and isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _Bounded(response.stream, self, key, self._server)
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        await self._inner.aclose()

    def _add_headers(self, request: httpx.Request, key: str | None) -> None:
        for name, value in self._server.headers.items():
            request.headers[name] = value
        if self._server.token is not None and same_origin(str(request.url), self._server.url):
            request.headers["authorization"] = f"Bearer {self._server.token}"
        if key is not None:
            request.headers["idempotency-key"] = key

    def _refusal(self, status: int) -> Exception:
        name = self._server.name
        if status == _SESSION_GONE:
            return SessionGone(f"{name} does not know the session any more")
        if status >= 500:
            return CallLost(f"{name} failed with HTTP {status}")
        return CallRefused(f"{name} refused the call {status_text(status)}")

    def response_over(self, key: str | None, error: Exception | None, seconds: float) -> None:
        """The response of a call ended; without an answer until then, none will come."""
        lost = error or CallLost(f"{self._server.name} ended the response without a result")
        if key is not None and key in self._waiting:
            asyncio.get_running_loop().call_later(seconds, self._fail, key, lost)

    def fail_now(self, key: str | None, error: Exception) -> None:
        """Tell the call that it failed."""
        self._fail(key, error)

    def _fail(self, key: str | None, error: Exception) -> None:
        future = self._waiting.get(key or "")
        if future is not None and not future.done():
            future.set_exception(error)


class _Bounded(httpx.AsyncByteStream):
    """The body of one response: never more than a result may have, never longer than a call may take."""

    def __init__(
        self, inner: httpx.AsyncByteStream, guard: HttpGuard, key: str | None, server: ServerConnection
    ) -> None:
        self._inner = inner
        self._guard = guard
        self._key = key
        self._server = server

    async def __aiter__(self) -> AsyncIterator[bytes]:
        most = LARGEST_LIST_BYTES if self._key is None else LARGEST_RESULT_BYTES + _ENVELOPE_BYTES
        until = time.monotonic() + self._server.timeout_seconds + 1
        size, grace, broken = 0, _GRACE_SECONDS, None
        try:
            async for piece in self._inner:
                size += len(piece)
                grace = _RESUME_SECONDS if b"id:" in piece[:512] else grace
                if size > most:
                    self._guard.fail_now(self._key, too_large(self._server.name))
                    raise httpx.ReadError("the response is too large")
                if time.monotonic() > until:
                    raise httpx.ReadTimeout("the response takes too long")
                yield piece
        except httpx.HTTPError as error:
            broken = CallLost(f"the connection to {self._server.name} broke: {error}")
            raise
        finally:
            self._guard.response_over(self._key, broken, grace)

    async def aclose(self) -> None:
        await self._inner.aclose()


def status_text(status: int) -> str:
    """A status in words that help whoever configured the server."""
    hint = {401: ": its auth_token is missing or not accepted", 403: ": it forbids this"}.get(status, "")
    return f"(HTTP {status}{hint})"


def too_large(name: str) -> CallRefused:
    """The error for a result that nobody should read."""
    return CallRefused(f"{name} made the call, but its result is over {LARGEST_RESULT_BYTES} bytes and was dropped")


def _key_of(request: httpx.Request) -> str | None:
    """The idempotency key of a tool call; None for every other message."""
    if request.method != "POST":
        return None
    message: Any = json.loads(request.content or b"null")
    meta = message.get("params", {}).get("_meta") if isinstance(message, Mapping) else None
    key = meta.get(KEY_FIELD) if isinstance(meta, Mapping) else None
    return key if isinstance(key, str) else None
