"""`par task redrive`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson, TaskId

if TYPE_CHECKING:
    from agent_runtime.client import RuntimeClient

EXAMPLES = (
    "par task redrive 0190a7c2-…",
    "par task redrive 0190a7c2-… --rollback-last-checkpoint",
    'par task redrive 0190a7c2-… --input "Try again, without the web."',
)


def run(
    task_id: TaskId,
    from_checkpoint: Annotated[
        str | None, typer.Option(metavar="CHECKPOINT_ID", help="Start at this checkpoint, not at the last one.")
    ] = None,
    rollback: Annotated[
        bool, typer.Option("--rollback-last-checkpoint", help="Leave the last checkpoint out.", show_default=False)
    ] = False,
    text: Annotated[
        str | None, typer.Option("--input", metavar="INPUT", help="New input; - stdin, @FILE a file.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Send a dead letter round again from its last checkpoint; finished steps are not repeated."""
    from agent_runtime.cli.each_task import act_on_each
    from agent_runtime.cli.input_text import read_input
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    changes: dict[str, Any] = {
        **({"from_checkpoint_id": from_checkpoint} if from_checkpoint else {}),
        **({"rollback_last_checkpoint": True} if rollback else {}),
        **({"input": read_input(text)} if text is not None else {}),
    }

    async def redrive(client: RuntimeClient, task_id: str) -> dict[str, Any]:
        return await client.tasks.redrive(task_id, changes)

    return ask(lambda client: act_on_each(client, [task_id], redrive, Output(as_json)))
