"""`par tool-server get`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_runtime.cli.parameters import AsJson
from agent_runtime.cli.tool_servers import ServerName

if TYPE_CHECKING:
    from agent_runtime.client import JsonObject, RuntimeClient

EXAMPLES = ("par tool-server get crm", "par tool-server get crm --json | jq '.tools[] | select(.state == \"changed\")'")


def run(server: ServerName, as_json: AsJson = False) -> int:
    """Show one tool server and its tools, as approved and with what has changed."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask
    from agent_runtime.cli.tool_servers import pairs_of

    found = ask(lambda client: _get(client, server))
    Output(as_json).pairs(pairs_of(found), found)
    return 0


async def _get(client: RuntimeClient, name: str) -> JsonObject:
    from agent_runtime.cli.tool_servers import find_server

    return await client.tool_servers.get((await find_server(client, name))["server_id"])
