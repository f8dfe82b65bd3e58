"""`par approvals approve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson, RequestId, TaskId

if TYPE_CHECKING:
    from agent_runtime.cli.output import Output
    from agent_runtime.client import RuntimeClient

EXAMPLES = (
    "par approvals approve 0190a7c2-…",
    "par approvals approve 0190a7c2-… --edit",
    'par approvals approve 0190a7c2-… --args \'{"expression": "6 * 8"}\'',
    'par approvals approve 0190a7c2-… --result "The mail was sent."',
)


def run(
    task_id: TaskId,
    args: Annotated[
        str | None, typer.Option("--args", metavar="JSON", help="Run it with these; - stdin, @FILE a file.")
    ] = None,
    edit: Annotated[
        bool, typer.Option("--edit", help="Edit its arguments in $EDITOR, then run it.", show_default=False)
    ] = False,
    result: Annotated[
        str | None, typer.Option(metavar="TEXT", help="For a call of unknown outcome: what it gave; - stdin, @FILE.")
    ] = None,
    skip: Annotated[
        bool, typer.Option("--skip", help="For a call of unknown outcome: go on without it.", show_default=False)
    ] = False,
    request_id: RequestId = None,
    as_json: AsJson = False,
) -> int:
    """Let the call that a task waits with run, as it is or with other arguments.

    A call of unknown outcome can also be given its result, or be left out, instead of being run again.
    """
    from agent_runtime.cli.failure import CommandFailed
    from agent_runtime.cli.input_text import read_input
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask
    from agent_runtime.cli.text_editor import read_arguments

    if sum([args is not None, edit, result is not None, skip]) > 1:
        raise CommandFailed("Give only one of --args, --edit, --result and --skip.")
    fields: dict[str, Any] = {
        **({"args": read_arguments(read_input(args))} if args is not None else {}),
        **({"result": read_input(result)} if result is not None else {}),
        **({"skip": True} if skip else {}),
    }
    return ask(lambda client: _approve(client, task_id, request_id, (fields, edit), Output(as_json)))


async def _approve(
    client: RuntimeClient, task_id: str, request_id: str | None, wanted: tuple[dict[str, Any], bool], output: Output
) -> int:
    from agent_runtime.cli.answering import GivenAnswer, give
    from agent_runtime.cli.text_editor import edit_arguments

    fields, edit = wanted
    request = await client.human_requests.of_task(task_id)
    if edit and request is not None:
        fields = {"args": edit_arguments(request["tool_args"])}
    return await give(client, task_id, request, GivenAnswer("approve", fields, request_id), output)
