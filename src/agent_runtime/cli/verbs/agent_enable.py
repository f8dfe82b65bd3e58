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
    from agent_runtime.cli.agent_status import set_status

    return set_status(agent_id, "active", "takes tasks again", as_json)
