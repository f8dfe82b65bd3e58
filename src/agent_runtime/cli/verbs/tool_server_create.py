"""`par tool-server create`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson
from agent_runtime.cli.tool_servers import Headers, Timeout, WithToken

EXAMPLES = (
    "par tool-server create crm http://127.0.0.1:9000/mcp",
    "par tool-server create crm https://mcp.example.com/mcp --token < token.txt",
    "par tool-server create crm https://mcp.example.com/mcp --header X-Team=blue --timeout 60",
)


def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case name; tools are called NAME__tool.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="Where it speaks MCP over streamable HTTP.")],
    token: WithToken = False,
    headers: Headers = None,
    timeout: Timeout = None,
    as_json: AsJson = False,
) -> int:
    """Register a tool server. It need not be up."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask
    from agent_runtime.cli.tool_servers import pairs_of, read_headers, read_token

    body: dict[str, Any] = {"name": name, "url": url, "headers": read_headers(headers)}
    if timeout is not None:
        body["timeout_seconds"] = timeout
    if token:
        body |= {"auth_type": "bearer_token", "auth_token": read_token(name)}
    server = ask(lambda client: client.tool_servers.create(body))
    Output(as_json).pairs(pairs_of(server), server)
    return 0
