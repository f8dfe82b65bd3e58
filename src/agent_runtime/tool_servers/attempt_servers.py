"""The tool servers of one attempt: opened together, compared with what was approved, asked in its calls."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from agent_runtime.domain.errors import Conflict, NotFound, SecretUnreadable, TaskFailed
from agent_runtime.domain.tool_server import Concern, too_many_tools
from agent_runtime.store import tool_server as store
from agent_runtime.store.database import Database, Row
from agent_runtime.tool_servers.arguments import argument_problem
from agent_runtime.tool_servers.connection import (
    CallAnswer,
    CallRefused,
    Connect,
    ServerConnection,
    ServerUnavailable,
    ToolServerSession,
)
from agent_runtime.tool_servers.http_guard import SessionGone
from agent_runtime.tool_servers.pinning import OfferedTool, differs_from_seen, offered

_log = structlog.get_logger("tool_servers")


@dataclass
class _Server:
    """One server of the attempt with its session, which another takes the place of when it is lost."""

    server_id: str
    connection: ServerConnection
    kept: Sequence[Row]
    session: ToolServerSession | None = None
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)


class AttemptServers:
    """What one attempt has of its agent's tool servers. Open it before the first step, close it after the last."""

    def __init__(self, database: Database, tenant_id: str, connect: Connect) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._connect = connect
        self._servers: dict[str, _Server] = {}
        self._tools: dict[str, OfferedTool] = {}

    @property
    def tools(self) -> Mapping[str, OfferedTool]:
        """The tools that the model may be given, by the name that it calls them."""
        return self._tools

    def concern_of(self, tool_name: str) -> Concern | None:
        """Why a person must see a call of this tool first; None when nothing about the tool has changed."""
        tool = self._tools.get(tool_name)
        return tool.concern if tool is not None else None

    def argument_problem(self, tool_name: str, arguments: Mapping[str, Any]) -> str | None:
        """Why the tool, as the server has it now, cannot take these arguments; None when it can."""
        return argument_problem(self._tools[tool_name].live.input_schema, arguments)

    async def open(
        self, names: Sequence[str], connection_from: Callable[[Row], Awaitable[ServerConnection]], built_in: int
    ) -> None:
        """Open a session with each server, all at once. Raises TaskFailed naming the server that cannot be used."""
        rows = {row["name"]: row for row in await store.connections_named(self._database, self._tenant_id, names)}
        for name in names:
            _require_active(name, rows.get(name))
            row = rows[name]
            try:
                connection = await connection_from(row)
            except (SecretUnreadable, Conflict, ServerUnavailable) as error:
                message = f"the tool server {name!r} cannot be used: {error}"
                raise TaskFailed("tool_server_unavailable", message) from None
            self._servers[name] = _Server(str(row["server_id"]), connection, row["tools"])
        results = await asyncio.gather(*map(self._reopen, self._servers.values()), return_exceptions=True)
        for name, result in zip(self._servers, results, strict=True):
            if isinstance(result, ServerUnavailable | NotFound):
                message = f"the tool server {name!r} is not available: {result}"
                raise TaskFailed("tool_server_unavailable", message, retryable=True) from None
            if isinstance(result, BaseException):
                raise result
        counts = {name: sum(tool.server_name == name for tool in self._tools.values()) for name in self._servers}
        problem = too_many_tools(built_in, counts)
        if problem is not None:
            raise TaskFailed("invalid_config", problem)

    async def call(self, tool_name: str, arguments: Mapping[str, Any], idempotency_key: str) -> CallAnswer:
        """Call a tool by the name that the model used.

        Raises CallRefused when it was not made or failed for a known reason, CallLost when nobody knows.
        """
        tool = self._tools[tool_name]
        problem = self.argument_problem(tool_name, arguments)
        if problem is not None:
            raise CallRefused(f"the arguments do not fit the tool: {problem}")
        server = self._servers[tool.server_name]
        try:
            try:
                return await (await self._open_session(server)).call(tool.live.name, arguments, idempotency_key)
            except SessionGone:
                # Not made: the server said so, or could not be reached at all.
                return await (await self._open_session(server)).call(tool.live.name, arguments, idempotency_key)
        except ServerUnavailable as error:
            raise CallRefused(f"the call was not made: {error}") from None

    async def close(self) -> None:
        """End all sessions, together."""
        open_ones = [server.session for server in self._servers.values() if server.session is not None]
        await asyncio.gather(*(session.close() for session in open_ones))

    async def _open_session(self, server: _Server) -> ToolServerSession:
        async with server.opening:
            if server.session is None or server.session.lost:
                await self._reopen(server)
            assert server.session is not None  # noqa: S101 - `_reopen` opens it or raises
            return server.session

    async def _reopen(self, server: _Server) -> None:
        """Open a session and look at its tools again: a server that went away may come back as another."""
        session = await self._connect(server.connection)
        old, server.session = server.session, session
        if old is not None:
            await old.close()
        found = await session.list_tools()
        if differs_from_seen(server.kept, found.tools):
            server.kept = await store.record_seen(self._database, self._tenant_id, server.server_id, found.tools)
        if found.skipped:
            _log.warning("tools_left_out", server=server.connection.name, tools=dict(found.skipped))
        for tool in offered(server.connection.name, server.kept, found.tools):
            self._tools[tool.model_name] = tool


def _require_active(name: str, row: Row | None) -> None:
    if row is None:
        raise TaskFailed("invalid_config", f"the agent names the tool server {name!r}, which is not registered")
    if row["status"] != "active":
        raise TaskFailed("tool_server_unavailable", f"the tool server {name!r} is disabled")
