"""`par agent restore`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par agent versions research", "par agent restore research 3")


def run(
    agent_id: Annotated[str, typer.Argument(metavar="AGENT", help="Id of the agent.", show_default=False)],
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="Which of its versions.")],
    as_json: AsJson = False,
) -> int:
    """Make an earlier configuration the current one again, as a new version; tasks that exist keep theirs."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    agent = ask(lambda client: client.agents.restore(agent_id, version))
    output = Output(as_json)
    if as_json:
        output.json(agent)
    else:
        current = agent["config_version"]
        told = "is the current one: nothing changed" if current == version else f"is back, as version {current}"
        output.line(f"{agent_id}: version {version} {told}")
    return 0
