"""`par approvals review`, and `par approvals` alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from agent_runtime.cli.parameters import AsJson

if TYPE_CHECKING:
    from agent_runtime.client import RuntimeClient

EXAMPLES = ("par approvals", "par approvals review --agent research")


def run(
    agent: Annotated[str | None, typer.Option(metavar="AGENT", help="Only of this agent.")] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only approval, or only input.")] = None,
    as_json: AsJson = False,
) -> int:
    """Go through what waits for a person, oldest first, and answer it.

    Without a terminal, or with --json, it lists what is open.
    """
    from agent_runtime.cli.server import ask
    from agent_runtime.cli.verbs import approvals_list

    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return approvals_list.run(agent, kind, show_all=True, as_json=as_json)
    return ask(lambda client: _review(client, agent, kind))


async def _review(client: RuntimeClient, agent: str | None, kind: str | None) -> int:
    from agent_runtime.cli.review import Review
    from agent_runtime.cli.server import gather

    review = Review(client)
    # Answers let tasks go on, and they may ask again: look until nothing new is open.
    while fresh := [
        row["task_id"]
        for row in reversed(await gather(client.human_requests.list(agent_id=agent, kind=kind, limit=None)))
        if row["request_id"] not in review.seen
    ]:
        for position, task_id in enumerate(fresh):
            if not await review.one(task_id, len(fresh) - position):
                return review.close()
    return review.close()
