"""A tool server without a network, for tests: tools and answers as given, calls on record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent_runtime.domain.tool_definition import definition_of
from agent_runtime.tool_servers.connection import CallAnswer, Listed, ServerConnection, ServerUnavailable


@dataclass
class FakeServer:
    """`answers` are what calls give, by tool: an answer, or an error to raise."""

    tools: dict[str, str] = field(default_factory=lambda: {"echo": "Say it again."})
    answers: dict[str, CallAnswer | Exception] = field(default_factory=dict)
    calls: list[tuple[str, Mapping[str, Any], str]] = field(default_factory=list)
    reachable: bool = True
    sessions: int = 0

    async def connect(self, server: ServerConnection) -> "FakeSession":
        """Open a session, as `mcp_session.connect` does."""
        if not self.reachable:
            raise ServerUnavailable(f"{server.name} cannot be used: it is away")
        self.sessions += 1
        return FakeSession(self)


class FakeSession:
    """A session with a FakeServer."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self.lost = False

    async def list_tools(self) -> Listed:
        """The server's tools, each with arguments of any kind."""
        return Listed(
            [definition_of(name, text, {"type": "object"}, None) for name, text in self._server.tools.items()]
        )

    async def call(self, tool: str, arguments: Mapping[str, Any], idempotency_key: str) -> CallAnswer:
        """The answer that was given for this tool."""
        self._server.calls.append((tool, arguments, idempotency_key))
        answer = self._server.answers.get(tool, CallAnswer([str(dict(arguments))]))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        """End it."""
        self.lost = True
