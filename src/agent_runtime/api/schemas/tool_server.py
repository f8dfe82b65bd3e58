"""Tool servers: requests, and what the server answers."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from agent_runtime.api.schemas.fields import AnswerModel, RequestModel, Text
from agent_runtime.domain.tool_server import LONGEST_SERVER_NAME, LONGEST_URL, MOST_HEADERS, SERVER_NAME

ServerName = Annotated[str, Field(pattern=SERVER_NAME, min_length=1, max_length=LONGEST_SERVER_NAME)]
HeaderName = Annotated[Text, Field(min_length=1, max_length=128)]
HeaderValue = Annotated[Text, Field(max_length=4_096)]
Token = Annotated[str, Field(min_length=1, max_length=8_192, pattern=r"^[!-~]+$")]
ToolName = Annotated[Text, Field(min_length=1, max_length=128)]


class ToolServerRequest(RequestModel):
    """A server that speaks MCP over streamable HTTP. `auth_token` is written and never read."""

    name: ServerName
    url: Annotated[Text, Field(min_length=1, max_length=LONGEST_URL)]
    auth_type: Literal["none", "bearer_token"] = "none"
    auth_token: Token | None = Field(None, repr=False)
    headers: Annotated[dict[HeaderName, HeaderValue], Field(max_length=MOST_HEADERS)] = Field(default_factory=dict)
    timeout_seconds: int = Field(30, ge=1, le=3_600)
    status: Literal["active", "disabled"] = "active"


class ToolApproval(RequestModel):
    """A tool to accept; with `hash`, only as it was when it was looked at."""

    name: ToolName
    hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None


class ApproveToolsRequest(RequestModel):
    """Changed or new tools to accept, by name."""

    tools: Annotated[list[ToolName | ToolApproval], Field(min_length=1, max_length=1_000)]


class ToolServerTool(AnswerModel):
    """A tool of a server as it is approved, or as it was seen when it is new."""

    name: str
    description: str
    input_schema: dict[str, Any] | None = None
    hash: str
    state: Literal["approved", "changed", "new"]


class ToolServer(AnswerModel):
    """A customer's tool server."""

    server_id: str
    name: str
    url: str
    auth_type: Literal["none", "bearer_token"]
    auth_token_set: bool
    headers: dict[str, str]
    timeout_seconds: int
    status: Literal["active", "disabled"]
    tools: list[ToolServerTool]
    created_at: datetime
    updated_at: datetime


class UsedToolServer(ToolServer):
    """A tool server, and the first hundred agents whose configuration names it."""

    agents: list[str]


class ToolServerPage(AnswerModel):
    """A page of tool servers, oldest first."""

    items: list[ToolServer]
    next_cursor: str | None


class DiscoveredTools(AnswerModel):
    """What a tool server lists now."""

    server_id: str
    server_name: str
    status: Literal["reachable", "unreachable"]
    error: str | None
    tools: list[ToolServerTool]
