"""`par tool-server discover`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_runtime.cli.parameters import AsJson
from agent_runtime.cli.tool_servers import ServerName

if TYPE_CHECKING:
    from agent_runtime.client import JsonObject, RuntimeClient

EXAMPLES = ("par tool-server discover crm", "par tool-server discover crm --json | jq .status")


def run(server: ServerName, as_json: AsJson = False) -> int:
    """Ask a tool server for its tools now. The first time all are approved; exit status 1 when it is unreachable."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask
    from agent_runtime.cli.tool_servers import tool_line
    from agent_runtime.cli.wording import safe_line

    found = ask(lambda client: _discover(client, server))
    output = Output(as_json)
    if as_json:
        output.json(found)
    else:
        output.line(f"{found['server_name']}: {found['status']}")
        for line in [*map(tool_line, found["tools"]), *map(_skipped_line, found["skipped"])]:
            output.line(f"  {line}")
    if found["error"]:
        output.note(safe_line(found["error"]))
    return 0 if found["status"] == "reachable" else 1


def _skipped_line(skipped: dict[str, str]) -> str:
    from agent_runtime.cli.wording import safe_line

    return safe_line(f"left out {skipped['name']}: {skipped['reason']}", 160)


async def _discover(client: RuntimeClient, name: str) -> JsonObject:
    from agent_runtime.cli.tool_servers import find_server

    return await client.tool_servers.discover((await find_server(client, name))["server_id"])
