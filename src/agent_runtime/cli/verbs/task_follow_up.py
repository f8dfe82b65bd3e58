"""`par task follow-up`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson, TaskId

if TYPE_CHECKING:
    from agent_runtime.client import RuntimeClient

EXAMPLES = (
    'par task follow-up 0190a7c2-… "And in one sentence?"',
    "par task follow-up 0190a7c2-… @question.txt && par task watch 0190a7c2-…",
)


def run(
    task_id: TaskId,
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="What to say; - stdin, @FILE a file.")],
    as_json: AsJson = False,
) -> int:
    """Continue a completed task's conversation; its last output stays until the new one is there."""
    from agent_runtime.cli.each_task import act_on_each
    from agent_runtime.cli.input_text import read_input
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    text = read_input(message)

    async def follow_up(client: RuntimeClient, task_id: str) -> dict[str, Any]:
        return await client.tasks.follow_up(task_id, text)

    return ask(lambda client: act_on_each(client, [task_id], follow_up, Output(as_json)))
