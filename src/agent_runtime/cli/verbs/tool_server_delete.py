"""`par tool-server delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_runtime.cli.parameters import AsJson, Yes
from agent_runtime.cli.tool_servers import ServerName

if TYPE_CHECKING:
    from agent_runtime.client import JsonObject, RuntimeClient

EXAMPLES = ("par tool-server delete crm", "par tool-server delete crm --yes")


def run(server: ServerName, yes: Yes = False, as_json: AsJson = False) -> int:
    """Forget a tool server with its token and what was approved; tasks of agents that name it then fail."""
    from agent_runtime.cli.confirmation import confirm
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    found = ask(lambda client: _find(client, server))
    used = f" Tasks of {', '.join(found['agents'])} will fail." if found.get("agents") else ""
    confirm(f"Forget the tool server {server}, its token and what was approved of its tools?{used}", yes)
    ask(lambda client: client.tool_servers.delete(found["server_id"]))
    output = Output(as_json)
    if used:
        output.note(f"Warning:{used}")
    output.done(f"The tool server {found['name']} is forgotten.", {"server_id": found["server_id"], "deleted": True})
    return 0


async def _find(client: RuntimeClient, name: str) -> JsonObject:
    from agent_runtime.cli.tool_servers import find_server

    return await client.tool_servers.get((await find_server(client, name))["server_id"])
