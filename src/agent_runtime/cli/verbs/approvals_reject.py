"""`par approvals reject`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson, RequestId, TaskId

EXAMPLES = (
    'par approvals reject 0190a7c2-… "Not before the release."',
    "par approvals reject 0190a7c2-… @reason.txt --json",
)


def run(
    task_id: TaskId,
    reason: Annotated[
        str, typer.Argument(metavar="REASON", help="The agent reads it; - stdin, @FILE a file.", show_default=False)
    ],
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> int:
    """Refuse the call that a task waits with; the agent reads the reason and goes on."""
    from agent_runtime.cli.answering import GivenAnswer, give_now
    from agent_runtime.cli.input_text import read_input
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    given = GivenAnswer("reject", {"reason": read_input(reason)}, request_id)
    return ask(lambda client: give_now(client, task_id, given, Output(as_json)))
