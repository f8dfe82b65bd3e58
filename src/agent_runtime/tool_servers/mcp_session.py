"""A session with a server that speaks MCP, over streamable HTTP or with a program of this machine.

The bare SDK and not langchain-mcp-adapters: its tools are bound to one session, ours to whichever session an attempt
has, and the SDK's own `call_tool` checks results against schemas that the server wrote, which may never end.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
from mcp import types
from mcp.client.session import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import McpError

from agent_runtime import __version__
from agent_runtime.tool_servers.connection import (
    LARGEST_RESULT_BYTES,
    CallAnswer,
    CallLost,
    CallRefused,
    Listed,
    ServerConnection,
    ServerUnavailable,
)
from agent_runtime.tool_servers.http_guard import KEY_FIELD, HttpGuard, SessionGone, status_text, too_large
from agent_runtime.tool_servers.mcp_content import answer_of, listed

# It logs whole conversations with servers, and every server that goes away with a stack trace.
logging.getLogger("mcp").setLevel(logging.CRITICAL)
CLOSE_SECONDS = 1.0
MOST_LISTED = 1_000
_MOST_PAGES = 100
_CLIENT = types.Implementation(name="persistent-agent-runtime", version=__version__)
OpenTransport = Callable[[], httpx.AsyncBaseTransport]


class McpSession:
    """One session. The library runs in a task of its own; this object only waits for it, never without a deadline."""

    def __init__(self, server: ServerConnection, open_transport: OpenTransport) -> None:
        self._server = server
        self._guard = HttpGuard(server, open_transport()) if not server.command else None
        self._session: ClientSession | None = None
        self._opened: asyncio.Event = asyncio.Event()
        self._closing = asyncio.Event()
        self._why_lost = ""
        self._gone = False
        self._running: asyncio.Task[None] | None = None

    @property
    def lost(self) -> bool:
        """Whether another session is needed for the next call."""
        return self._gone or self._running is None or self._running.done()

    async def open(self) -> None:
        """Connect and greet. Raises ServerUnavailable."""
        self._running = asyncio.create_task(self._run(), name=f"tool server {self._server.name}")
        opened = asyncio.create_task(self._opened.wait())
        try:
            await asyncio.wait(
                {self._running, opened},
                timeout=self._server.timeout_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if self._session is None or self.lost:
                raise ServerUnavailable(self._unavailable())
        except BaseException:
            await self.close()
            raise
        finally:
            opened.cancel()

    async def list_tools(self) -> Listed:
        """All pages of the server's list. Raises ServerUnavailable."""
        try:
            async with asyncio.timeout(self._server.timeout_seconds):
                return listed(await self._all_pages(), self._hide)
        except TimeoutError:
            raise ServerUnavailable(f"{self._server.name} did not list its tools in time") from None
        except (McpError, CallLost, ValueError) as error:
            raise ServerUnavailable(f"{self._server.name} did not list its tools: {error}") from None

    async def call(self, tool: str, arguments: Mapping[str, Any], idempotency_key: str) -> CallAnswer:
        """Call a tool. Raises ServerUnavailable when it was certainly not made, CallRefused, CallLost."""
        params = types.CallToolRequestParams(
            name=tool, arguments=dict(arguments), _meta=types.RequestParams.Meta(**{KEY_FIELD: idempotency_key})
        )
        request = types.ClientRequest(types.CallToolRequest(params=params))
        watch = self._guard.watch(idempotency_key) if self._guard else asyncio.get_running_loop().create_future()
        try:
            result = await self._ask(request, types.CallToolResult, self._server.timeout_seconds, watch)
            return self._checked(answer_of(result, self._hide))
        except SessionGone:
            self._gone = True
            raise
        except CallLost as error:
            if self._guard is None or self._guard.was_sent(idempotency_key):
                raise
            self._gone = True
            raise SessionGone(str(error)) from None
        except McpError as error:
            raise CallRefused(f"{self._server.name} answers with an error: {self._hide(str(error))}") from None
        except ValueError as error:
            raise CallLost(f"{self._server.name} answered with what is no result: {error}") from None
        finally:
            if self._guard is not None:
                self._guard.forget(idempotency_key)
            else:
                watch.cancel()

    async def close(self) -> None:
        """Say goodbye within a second, then leave."""
        self._closing.set()
        if self._running is not None and not self._running.done():
            await asyncio.wait({self._running}, timeout=CLOSE_SECONDS)
            self._running.cancel()
            await asyncio.wait({self._running}, timeout=CLOSE_SECONDS)

    async def _run(self) -> None:
        """Hold the library's contexts from the beginning to the end, in this one task as it demands."""
        try:
            async with (
                _streams(self._server, self._guard) as (read, write),
                ClientSession(read, write, message_handler=_ignore, client_info=_CLIENT) as session,
            ):
                await session.initialize()
                self._session = session
                self._opened.set()
                await self._closing.wait()
        except Exception as error:  # noqa: BLE001 - whatever ends a session, those who wait for it must hear of it
            self._why_lost = self._hide(_reason(error))

    async def _all_pages(self) -> list[types.Tool]:
        tools: list[types.Tool] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            params = types.PaginatedRequestParams(cursor=cursor) if cursor else None
            request = types.ClientRequest(types.ListToolsRequest(params=params))
            page = await self._ask(request, types.ListToolsResult, self._server.timeout_seconds)
            tools += page.tools
            cursor = page.nextCursor
            if not cursor:
                return tools
            if len(tools) > MOST_LISTED:
                break
        raise ServerUnavailable(f"{self._server.name} lists more than {MOST_LISTED} tools or pages without end")

    async def _ask(
        self, request: types.ClientRequest, shape: Any, seconds: float, watch: "asyncio.Future[None] | None" = None
    ) -> Any:
        """Send a request and wait for its answer, for the end of the session, for bad news or for the deadline."""
        if self._session is None or self._running is None or self.lost:
            raise ServerUnavailable(self._unavailable())
        asked = asyncio.ensure_future(self._session.send_request(request, shape))
        others = {self._running} | ({watch} if watch is not None else set())
        try:
            await asyncio.wait({asked, *others}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            answered = asked.done() and asked.exception() is None
            if watch is not None and watch.done() and not answered:
                watch.result()
            if not answered and (self._running.done() or _is_closed(asked)):
                self._gone = True
                raise CallLost(f"the session with {self._server.name} ended during the call: {self._why_lost}")
            if not asked.done():
                raise CallLost(f"{self._server.name} did not answer within {seconds:g} s")
            return asked.result()
        finally:
            asked.cancel()
            await asyncio.wait({asked})
            if not asked.cancelled():
                asked.exception()

    def _hide(self, text: str) -> str:
        """The text without the server's token, which a server may send back."""
        return text.replace(self._server.token, "(hidden)") if self._server.token else text

    def _checked(self, answer: CallAnswer) -> CallAnswer:
        size = sum(
            len(part.encode(errors="replace")) if isinstance(part, str) else len(part.data) for part in answer.parts
        )
        if size > LARGEST_RESULT_BYTES:
            raise too_large(self._server.name)
        return answer

    def _unavailable(self) -> str:
        why = self._why_lost or f"no answer within {self._server.timeout_seconds:g} s"
        return f"{self._server.name} cannot be used: {why}"


def _is_closed(asked: "asyncio.Future[Any]") -> bool:
    """Whether the library gave up the wait because its streams were closed."""
    error = asked.exception() if asked.done() else None
    if isinstance(error, McpError):
        return error.error.code == types.CONNECTION_CLOSED
    return error is not None and not isinstance(error, ValueError)


async def _ignore(message: object) -> None:
    """Notifications of the server, a changed list among them, and what could not be read: calls have a deadline."""


@asynccontextmanager
async def _streams(server: ServerConnection, guard: HttpGuard | None) -> AsyncIterator[tuple[Any, Any]]:
    if guard is None:
        program = StdioServerParameters(
            command=server.command[0], args=list(server.command[1:]), env=dict(server.environment)
        )
        async with stdio_client(program) as (read, write):
            yield read, write
        return
    timeout = httpx.Timeout(10.0, read=server.timeout_seconds + 1)
    async with (
        httpx.AsyncClient(transport=guard, timeout=timeout, trust_env=False) as client,
        streamable_http_client(server.url, http_client=client) as (read, write, _),
    ):
        yield read, write


def _reason(error: BaseException) -> str:
    """The first cause inside the groups that the library wraps everything in, without what a secret may be in."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    if isinstance(error, httpx.HTTPStatusError):
        return f"it refused the session {status_text(error.response.status_code)}"
    return str(error)[:300] or type(error).__name__


async def connect(server: ServerConnection, open_transport: OpenTransport) -> McpSession:
    """An open session. Raises ServerUnavailable."""
    session = McpSession(server, open_transport)
    await session.open()
    return session
