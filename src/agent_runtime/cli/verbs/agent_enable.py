"""`par agent enable`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par agent enable research",)


def run(
    agent_id: Annotated[str, typer.Argument(metavar="AGENT", help="Id of the agent.", show_default=False)],
    as_json: AsJson = False,
) -> int:
    """Have a disabled agent take tasks again."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    agent = ask(lambda client: client.agents.update(agent_id, {"status": "active"}))
    output = Output(as_json)
    if as_json:
        output.json(agent)
    else:
        output.line(f"{agent_id} takes tasks again")
    return 0
