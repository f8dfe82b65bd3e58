"""`par task fork`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson, TaskId

if TYPE_CHECKING:
    from agent_runtime.client import RuntimeClient

EXAMPLES = (
    "par task checkpoints 0190a7c2-…",
    "par task fork 0190a7c2-… 1f0c2b9e-… --model openai/gpt-5-mini",
    'par task fork 0190a7c2-… 1f0c2b9e-… --input "Now without the web." --tool calculator',
)


def run(
    task_id: TaskId,
    checkpoint_id: Annotated[str, typer.Argument(metavar="CHECKPOINT_ID", help="Where to start.")],
    text: Annotated[
        str | None, typer.Option("--input", metavar="INPUT", help="One more message; - stdin, @FILE a file.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="PROVIDER/MODEL", help="Another model.")] = None,
    prompt: Annotated[
        str | None, typer.Option("--system-prompt", metavar="TEXT", help="Another prompt; @FILE a file.")
    ] = None,
    tools: Annotated[
        list[str] | None, typer.Option("--tool", metavar="NAME", help="These tools only; may be repeated.")
    ] = None,
    no_asking: Annotated[
        bool, typer.Option("--no-asking", help="Do not ask before unsafe tools.", show_default=False)
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Start a new task at a checkpoint of another; it asks before tools that are not safe to repeat."""
    from agent_runtime.cli.each_task import act_on_each
    from agent_runtime.cli.input_text import read_input
    from agent_runtime.cli.model_name import model_name
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    config: dict[str, Any] = {}
    if model is not None:
        config |= dict(zip(("provider", "model"), model_name(model), strict=True))
    config |= {"system_prompt": read_input(prompt)} if prompt is not None else {}
    config |= {"allowed_tools": tools} if tools else {}
    start: dict[str, Any] = {
        "checkpoint_id": checkpoint_id,
        **({"agent_config": config} if config else {}),
        **({"input": read_input(text)} if text is not None else {}),
        **({"asks_before_unsafe": False} if no_asking else {}),
    }

    async def fork(client: RuntimeClient, task_id: str) -> dict[str, Any]:
        return await client.tasks.fork(task_id, start)

    return ask(lambda client: act_on_each(client, [task_id], fork, Output(as_json)))
