"""What is known of a server, what a session with it can do, and how it can go wrong."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent_runtime.domain.tool_definition import ToolDefinition

LARGEST_RESULT_BYTES = 1_048_576


@dataclass(frozen=True)
class ServerConnection:
    """How to reach a server. With `command` it is a program of this machine and `url` only names it."""

    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str | None = field(default=None, repr=False)
    timeout_seconds: float = 30.0
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Listed:
    """The tools that a server lists, and those that no model can be offered with the reason."""

    tools: Sequence[ToolDefinition]
    skipped: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Binary:
    """Bytes in a result: an image, a sound, a file."""

    content_type: str
    data: bytes = field(repr=False)
    name: str | None = None


@dataclass(frozen=True)
class CallAnswer:
    """What a tool answered, in order."""

    parts: Sequence[str | Binary]
    is_error: bool = False


class ServerUnavailable(Exception):
    """The server cannot be used now; nothing was asked of it. The message names it."""


class CallRefused(Exception):
    """The call was not made or failed in a way that the server itself told."""


class CallLost(Exception):
    """The call was sent and nobody can say whether it took effect."""


class ToolServerSession(Protocol):
    """An open session with one server. Calls may run side by side."""

    @property
    def lost(self) -> bool:
        """Whether another session is needed for the next call."""

    async def list_tools(self) -> Listed:
        """What the server offers now. Raises ServerUnavailable."""

    async def call(self, tool: str, arguments: Mapping[str, Any], idempotency_key: str) -> CallAnswer:
        """Call a tool under the server's deadline. Raises ServerUnavailable, CallRefused, CallLost."""

    async def close(self) -> None:
        """End the session; never raises, never waits long."""


Connect = Callable[[ServerConnection], Awaitable[ToolServerSession]]
"""Opens a session. Raises ServerUnavailable."""
