"""`par tool-server update`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson
from agent_runtime.cli.tool_servers import Headers, ServerName, Timeout, WithToken

if TYPE_CHECKING:
    from agent_runtime.client import JsonObject, RuntimeClient

EXAMPLES = (
    "par tool-server update crm --url https://new.example.com/mcp --token < token.txt",
    "par tool-server update crm --timeout 120 --header X-Team=green",
    "par tool-server update crm --status disabled",
)
_KEPT = ("name", "url", "auth_type", "headers", "timeout_seconds", "status")


def run(
    server: ServerName,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Another name.")] = None,
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="Another address.")] = None,
    token: WithToken = False,
    no_token: Annotated[bool, typer.Option("--no-token", help="Forget the token.", show_default=False)] = False,
    headers: Headers = None,
    timeout: Timeout = None,
    status: Annotated[str | None, typer.Option("--status", metavar="WORD", help="active or disabled.")] = None,
    as_json: AsJson = False,
) -> int:
    """Change what is given of a tool server; the rest stays, its token too. Headers are set as a whole."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask
    from agent_runtime.cli.tool_servers import pairs_of, read_headers, read_token

    given = {"name": name, "url": url, "timeout_seconds": timeout, "status": status}
    changes: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
    if headers is not None:
        changes["headers"] = read_headers(headers)
    if token:
        changes |= {"auth_type": "bearer_token", "auth_token": read_token(server)}
    elif no_token:
        changes["auth_type"] = "none"
    changed = ask(lambda client: _update(client, server, changes))
    Output(as_json).pairs(pairs_of(changed), changed)
    return 0


async def _update(client: RuntimeClient, name: str, changes: dict[str, Any]) -> JsonObject:
    from agent_runtime.cli.tool_servers import find_server

    found = await find_server(client, name)
    body = {field: found[field] for field in _KEPT} | changes
    return await client.tool_servers.replace(found["server_id"], body)
