"""A real tool server for each test, and sessions with it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.safe_http import SafeTransport, Targets
from agent_runtime.tool_servers.connection import ServerConnection
from agent_runtime.tool_servers.mcp_session import McpSession, connect
from tests.support.tool_server import ToolServer, running_tool_server

OpenSession = Callable[..., Awaitable[McpSession]]


@pytest.fixture
def tool_server(tmp_path: Path) -> Iterator[ToolServer]:
    """A running server."""
    with running_tool_server(tmp_path / "tool-server") as server:
        yield server


@pytest.fixture
async def open_session(tool_server: ToolServer) -> AsyncIterator[OpenSession]:
    """Opens sessions as a worker does; they are closed at the end."""
    sessions: list[McpSession] = []

    async def opened(**changes: Any) -> McpSession:
        server = ServerConnection(**{"name": "crm", "url": tool_server.url, "timeout_seconds": 10.0, **changes})
        sessions.append(await connect(server, lambda: SafeTransport(Targets(loopback=True))))
        return sessions[-1]

    yield opened
    for session in sessions:
        await session.close()
