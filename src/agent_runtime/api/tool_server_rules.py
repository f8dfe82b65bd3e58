"""Turns a request about a tool server into the values to store, and what is stored into what is shown."""

from collections.abc import Mapping
from typing import Any

from agent_runtime.api.problem import FieldError, Problem, invalid, invalid_field
from agent_runtime.api.schemas.tool_server import ApproveToolsRequest, ToolServerRequest
from agent_runtime.domain.errors import Conflict
from agent_runtime.domain.tool_server import difference, header_problem, same_origin, url_problem
from agent_runtime.store.database import Row
from agent_runtime.store.tool_server import ServerValues

_TEXT_BYTES = 2_048
_SHOWN = (
    "server_id", "name", "url", "auth_type", "auth_token_set", "headers", "timeout_seconds", "status", "created_at",
    "updated_at",
)  # fmt: skip


def require_usable(body: ToolServerRequest, current: Row | None = None) -> None:
    """Raise Problem unless these values can be stored, as a new server or in place of `current`."""
    errors = list(_field_errors(body))
    if errors:
        raise invalid(errors)
    if body.auth_type == "none":
        if body.auth_token is not None:
            raise Problem(400, "auth_token: needs auth_type bearer_token")
    elif body.auth_token is None:
        if current is None or not current["auth_token_set"]:
            raise Problem(400, "auth_token: auth_type bearer_token needs it")
        if not same_origin(current["url"], body.url):
            message = "the address has another origin, where the stored token is not sent: give a token"
            raise invalid_field(("body", "auth_token"), message)


def _field_errors(body: ToolServerRequest) -> list[FieldError]:
    found: list[tuple[tuple[str, ...], str | None]] = [(("body", "url"), url_problem(body.url))]
    found += [(("body", "headers", name), header_problem(name, value)) for name, value in body.headers.items()]
    if len({name.lower() for name in body.headers}) < len(body.headers):
        found.append((("body", "headers"), "names a header twice"))
    return [FieldError(place, message) for place, message in found if message is not None]


def values_of(body: ToolServerRequest) -> ServerValues:
    """The values to store; the token goes elsewhere."""
    return ServerValues(
        body.name,
        body.url,
        body.auth_type,
        body.headers,
        body.timeout_seconds,
        body.status,
        body.auth_type == "bearer_token",
    )


def shown(row: Row) -> dict[str, Any]:
    """A server as the API answers it."""
    return {**{name: row[name] for name in _SHOWN}, "tools": [shown_tool(tool) for tool in row["tools"]]}


def shown_in_list(row: Row) -> dict[str, Any]:
    """The same for a list: without the schemas of its tools, texts cut."""
    server = shown(row)
    kept = ("name", "description", "hash", "state")
    server["tools"] = [{name: tool[name] for name in kept} for tool in server["tools"]]
    for tool in server["tools"]:
        tool["description"] = tool["description"].encode()[:_TEXT_BYTES].decode(errors="ignore")
    return server


def shown_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A tool as approved, or as seen when it is new; a changed one with the difference and the hash to approve."""
    state = _state(tool)
    kept = tool["pinned"] or tool["seen"]
    answer = {
        "name": tool["name"],
        "description": kept["description"],
        "input_schema": kept["input_schema"],
        "annotations": kept["annotations"],
        "flags": kept["flags"],
        "hash": tool["pinned_hash"] or tool["seen_hash"],
        "state": state,
    }
    if state == "changed":
        answer |= {"change": difference(tool["pinned"], tool["seen"]), "changed_hash": tool["seen_hash"]}
    return answer


def _state(tool: Mapping[str, Any]) -> str:
    if tool["pinned_hash"] is None:
        return "new"
    return "changed" if tool["seen_hash"] not in (None, tool["pinned_hash"]) else "approved"


def approved_names(server: Row, body: ApproveToolsRequest) -> list[str]:
    """The names to approve. Raises Problem 422 for an unknown tool, Conflict for one that is another than was meant."""
    known = {tool["name"]: tool for tool in server["tools"]}
    names = []
    for place, asked in enumerate(body.tools):
        name, digest = (asked, None) if isinstance(asked, str) else (asked.name, asked.hash)
        if name not in known:
            raise invalid_field(("body", "tools", place), f"the server has no tool {name!r}")
        if digest is not None and digest not in (known[name]["seen_hash"], known[name]["pinned_hash"]):
            raise Conflict(f"tools: {name!r} has changed again since it was looked at: read it again")
        names.append(name)
    return names
