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

    confirm(f"Forget the tool server {server}, its token and what was approved of its tools?", yes)
    found = ask(lambda client: _delete(client, server))
    output = Output(as_json)
    if as_json:
        output.json({"server_id": found["server_id"], "deleted": True})
    else:
        output.line(f"The tool server {found['name']} is forgotten.")
    return 0


async def _delete(client: RuntimeClient, name: str) -> JsonObject:
    from agent_runtime.cli.tool_servers import find_server

    found = await find_server(client, name)
    await client.tool_servers.delete(found["server_id"])
    return found
