"""`par agent versions`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par agent versions research", "par agent versions research --json | jq '.[-1].agent_config'")
_HEADER = ("version", "by", "when", "model", "prompt")


def run(
    agent_id: Annotated[str, typer.Argument(metavar="AGENT", help="Id of the agent.", show_default=False)],
    as_json: AsJson = False,
) -> int:
    """List the configurations that an agent has had, who saved each and when."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    versions = ask(lambda client: gather(client.agents.versions(agent_id)))
    Output(as_json).rows(_HEADER, [_row(version) for version in versions], versions)
    return 0


def _row(version: dict[str, Any]) -> list[str]:
    from agent_runtime.cli.wording import age, safe_line

    config = version.get("agent_config") or {}
    return [
        str(version["version"]),
        str(version.get("created_by") or "-"),
        age(version.get("created_at")),
        f"{config.get('provider', '?')}/{config.get('model', '?')}",
        safe_line(config.get("system_prompt") or "-", 60),
    ]
