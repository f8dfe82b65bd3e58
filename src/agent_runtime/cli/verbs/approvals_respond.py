"""`par approvals respond`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson, RequestId, TaskId

EXAMPLES = (
    'par approvals respond 0190a7c2-… "Paris, Texas."',
    "par approvals respond 0190a7c2-… @answer.txt",
)


def run(
    task_id: TaskId,
    message: Annotated[
        str, typer.Argument(metavar="MESSAGE", help="The answer; - stdin, @FILE a file.", show_default=False)
    ],
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> int:
    """Answer the question that a task waits with."""
    from agent_runtime.cli.answering import GivenAnswer, give_now
    from agent_runtime.cli.input_text import read_input
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    given = GivenAnswer("respond", {"message": read_input(message)}, request_id)
    return ask(lambda client: give_now(client, task_id, given, Output(as_json)))
