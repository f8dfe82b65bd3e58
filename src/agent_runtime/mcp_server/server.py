"""Puts the server together: which tools, over which transport, and who may call."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ContentBlock
from pydantic import AnyHttpUrl, ValidationError

from agent_runtime import __version__
from agent_runtime.client import ClientOptions, RuntimeClient
from agent_runtime.domain.errors import ConfigurationError, ToolFailed
from agent_runtime.mcp_server.runtime_tools import RuntimeTools
from agent_runtime.mcp_server.web_tools import WebTools
from agent_runtime.safe_http import SafeClient, Targets
from agent_runtime.tools.web_search import WebSearch

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_INSTRUCTIONS = (
    "Search and read the web, calculate, and run durable agents: submit_task starts one, wait_for_task waits for it; "
    "a task that waits for a person is answered with answer_human_request."
)


@dataclass(frozen=True)
class ServerOptions:
    """What to serve. Without `runtime` there are no tools for tasks; `token` is asked for over HTTP."""

    search: WebSearch
    targets: Targets
    runtime: ClientOptions | None = None
    host: str = "127.0.0.1"
    port: int = 8090
    token: str | None = field(default=None, repr=False)


def build(options: ServerOptions) -> "FastMCP[Any]":
    """The server, ready for `run`. Raises ConfigurationError for an open door."""
    if options.host not in LOOPBACK and not options.token:
        raise ConfigurationError(
            "PAR_MCP_TOKEN", f"serving on {options.host} needs a token: set one, or serve on 127.0.0.1"
        )
    pages = SafeClient(options.targets)
    client = RuntimeClient(options.runtime) if options.runtime is not None else None
    server = ToolsInWords(
        "persistent-agent-runtime",
        _INSTRUCTIONS,
        host=options.host,
        port=options.port,
        log_level="WARNING",
        stateless_http=True,
        transport_security=_security(options),
        **_guard(options),
    )
    server._mcp_server.version = __version__  # noqa: SLF001 - FastMCP has no argument for it
    WebTools(options.search, pages).add_to(server)
    if client is not None:
        RuntimeTools(client).add_to(server)
    return server


class ToolsInWords(FastMCP[Any]):
    """Says what was wrong with a call in words for its caller, and takes no argument that a tool does not have."""

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> Sequence[ContentBlock] | dict[str, Any]:
        """The result of a tool. Raises ToolError."""
        tool = next((each for each in await self.list_tools() if each.name == name), None)
        known = tool.inputSchema.get("properties", {}) if tool is not None else arguments
        if unknown := [each[:100] for each in arguments if each not in known]:
            raise ToolError(f"{name} has no argument {unknown[0]!r}; it has {', '.join(known)}")
        try:
            return await super().call_tool(name, arguments)
        except ToolError as error:
            raise ToolError(_in_words(name, error)) from None


def _in_words(name: str, error: ToolError) -> str:
    cause = error.__cause__
    if isinstance(cause, ToolFailed):
        return str(cause)
    if not isinstance(cause, ValidationError):
        return str(error)
    wrong = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in cause.errors(include_url=False))
    return f"the arguments of {name} are wrong: {'; '.join(wrong)}"


class OneToken(TokenVerifier):
    """Knows one bearer token."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def verify_token(self, token: str) -> AccessToken | None:
        """Who has this token; None for a wrong one."""
        if not hmac.compare_digest(token.encode(), self._token):
            return None
        return AccessToken(token="(hidden)", client_id="client", scopes=[])  # noqa: S106 - no token


def _guard(options: ServerOptions) -> dict[str, Any]:
    if not options.token:
        return {}
    address = AnyHttpUrl(f"http://{_written(options.host)}:{options.port}")
    auth = AuthSettings(issuer_url=address, resource_server_url=None, required_scopes=[])
    return {"auth": auth, "token_verifier": OneToken(options.token)}


def _security(options: ServerOptions) -> TransportSecuritySettings:
    """Which `Host` and `Origin` a request may have: a page that reached us through a rebound name has another."""
    names = {*LOOPBACK, options.host}
    written = [_written(name) for name in names]
    anywhere = options.host in ("0.0.0.0", "::")  # noqa: S104 - with a token only, and the names are not known
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=not anywhere,
        allowed_hosts=[f"{name}:*" for name in written],
        allowed_origins=[f"http://{name}:*" for name in written],
    )


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host
