"""`par tool-server list`."""

from __future__ import annotations

from typing import Any

from agent_runtime.cli.parameters import AsJson, Limit, ShowAll

EXAMPLES = ("par tool-server list", "par tool-server list --json | jq -r '.[].name'")
_HEADER = ("name", "status", "auth", "tools", "to approve", "url")


def run(limit: Limit = 50, show_all: ShowAll = False, as_json: AsJson = False) -> int:
    """List tool servers, with how many tools wait for approval."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    servers = ask(lambda client: gather(client.tool_servers.list(None if show_all else limit)))
    output = Output(as_json)
    output.rows(_HEADER, [_row(server) for server in servers], servers)
    if len(servers) == limit and not show_all:
        output.note(f"Showing {limit}; --limit or --all shows more.")
    return 0


def _row(server: dict[str, Any]) -> list[str]:
    waiting = sum(tool["state"] != "approved" for tool in server["tools"])
    auth = "token" if server["auth_token_set"] else "none"
    return [server["name"], server["status"], auth, str(len(server["tools"])), str(waiting or ""), server["url"]]
