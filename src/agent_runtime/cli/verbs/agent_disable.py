"""`par agent disable`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par agent disable research",)


def run(
    agent_id: Annotated[str, typer.Argument(metavar="AGENT", help="Id of the agent.", show_default=False)],
    as_json: AsJson = False,
) -> int:
    """Have an agent take no new tasks; its queued ones wait, running ones go on."""
    from agent_runtime.cli.agent_status import set_status

    return set_status(agent_id, "disabled", "is disabled", as_json)
