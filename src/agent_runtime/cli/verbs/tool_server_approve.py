"""`par tool-server approve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson, Yes
from agent_runtime.cli.tool_servers import ServerName

if TYPE_CHECKING:
    from agent_runtime.client import JsonObject, RuntimeClient

EXAMPLES = (
    "par tool-server approve crm send_mail",
    "par tool-server approve crm --all",
    "par tool-server approve crm --all --yes",
)


def run(
    server: ServerName,
    tools: Annotated[list[str] | None, typer.Argument(metavar="TOOL...", help="Names of changed or new tools.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that wait for approval.", show_default=False)] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> int:
    """Accept changed or new tools of a server, exactly as they are shown now."""
    import json

    from agent_runtime.cli.confirmation import confirm
    from agent_runtime.cli.failure import CommandFailed
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask
    from agent_runtime.cli.tool_servers import pairs_of, tool_line
    from agent_runtime.cli.wording import safe

    found = ask(lambda client: _get(client, server))
    waiting = [
        tool for tool in found["tools"] if tool["state"] != "approved" and (every or tool["name"] in (tools or []))
    ]
    missing = set(tools or []) - {tool["name"] for tool in found["tools"]}
    if missing:
        raise CommandFailed(f"{found['name']} has no tool {', '.join(sorted(missing))}.")
    output = Output(as_json)
    if not waiting:
        output.note("Nothing of this waits for approval.")
        return 0
    for tool in waiting:
        output.talk(tool_line(tool))
        output.talk(safe(json.dumps(tool.get("change") or tool["input_schema"], indent=2, ensure_ascii=False)))
    confirm(f"Accept {len(waiting)} tool(s) of {found['name']} as shown?", yes)
    changed = ask(lambda client: client.tool_servers.approve(found["server_id"], [_exactly(tool) for tool in waiting]))
    output.pairs(pairs_of(changed), changed)
    return 0


def _exactly(tool: dict[str, Any]) -> dict[str, Any]:
    """The tool as it was shown: another one by now is refused by the server."""
    return {"name": tool["name"], "hash": tool.get("changed_hash") or tool["hash"]}


async def _get(client: RuntimeClient, name: str) -> JsonObject:
    from agent_runtime.cli.tool_servers import find_server

    return await client.tool_servers.get((await find_server(client, name))["server_id"])
