"""`par task submit`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent_runtime.cli.parameters import AsJson, KeepWaiting, WaitTimeout

if TYPE_CHECKING:
    from agent_runtime.cli.watching import WatchOptions
    from agent_runtime.client import RuntimeClient
    from agent_runtime.client.task import TaskSubmission

EXAMPLES = (
    'par task submit research "Why is the sky blue?" --watch',
    "par task submit summarize @report.txt --label team=search --wait --json",
    'par task submit coder "Mend the failing test" --file repository.tar.gz --watch',
    "git diff | par task submit reviewer - --max-steps 40 --budget-max 250000",
    'par task submit research "Weekly digest" --run-at 2030-01-07T08:00:00Z --idempotency-key digest-2030-02',
)


def run(
    agent_id: Annotated[str, typer.Argument(metavar="AGENT", help="Id of the agent.", show_default=False)],
    text: Annotated[
        str, typer.Argument(metavar="INPUT", help="The input; - reads stdin, @FILE a file.", show_default=False)
    ],
    max_retries: Annotated[int | None, typer.Option(metavar="N", help="Failures in a row that are retried.")] = None,
    max_steps: Annotated[int | None, typer.Option(metavar="N", help="Steps of the run at most.")] = None,
    timeout: Annotated[
        int | None, typer.Option("--timeout", metavar="SECONDS", help="Limit of the task's own time.")
    ] = None,
    priority: Annotated[int | None, typer.Option(metavar="0-9", help="0 runs first.")] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="NAME=VALUE", help="A label; repeatable.")
    ] = None,
    run_at: Annotated[str | None, typer.Option(metavar="TIME", help="Not before this time (RFC 3339).")] = None,
    budget_max: Annotated[int | None, typer.Option(metavar="MICRODOLLARS", help="This task's own budget.")] = None,
    worker_pool: Annotated[str | None, typer.Option(metavar="POOL", help="Pool of workers that may run it.")] = None,
    callback_url: Annotated[str | None, typer.Option(metavar="URL", help="Told when the task ends.")] = None,
    langfuse_endpoint: Annotated[
        str | None, typer.Option(metavar="ID", help="Langfuse endpoint for its traces.")
    ] = None,
    memory_mode: Annotated[str | None, typer.Option(metavar="MODE", help="always, agent_decides or skip.")] = None,
    file: Annotated[
        list[Path] | None, typer.Option("--file", metavar="PATH", help="A file for the task; repeatable.")
    ] = None,
    idempotency_key: Annotated[str | None, typer.Option(metavar="KEY", help="The same key submits once.")] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the end and print the result.", show_default=False)
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it live.", show_default=False)] = False,
    wait_timeout: WaitTimeout = None,
    keep_waiting: KeepWaiting = False,
    as_json: AsJson = False,
) -> int:
    """Submit a task, and wait for it if asked.

    Without --wait or --watch it prints the task's id and returns at once.
    """
    from agent_runtime.cli.input_text import read_input, read_labels
    from agent_runtime.cli.server import ask
    from agent_runtime.cli.watching import WatchOptions
    from agent_runtime.client.task import TaskSubmission

    submission = TaskSubmission(
        agent_id=agent_id,
        input=read_input(text),
        max_retries=max_retries,
        max_steps=max_steps,
        task_timeout_seconds=timeout,
        priority=priority,
        run_at=run_at,
        labels=read_labels(label) if label else None,
        budget_max=budget_max,
        worker_pool_id=worker_pool,
        callback_url=callback_url,
        langfuse_endpoint_id=langfuse_endpoint,
        memory_mode=memory_mode,
    )
    options = WatchOptions(wait_timeout, not keep_waiting) if wait or watch else None
    return ask(
        lambda client: _submit(client, _Request(submission, file or [], idempotency_key, options, watch, as_json))
    )


@dataclass(frozen=True)
class _Request:
    submission: TaskSubmission
    files: list[Path]
    idempotency_key: str | None
    watch_options: WatchOptions | None
    live: bool
    as_json: bool


async def _submit(client: RuntimeClient, request: _Request) -> int:
    from agent_runtime.cli.failure import CommandFailed
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.watch_display import QuietDisplay, display_for
    from agent_runtime.cli.watching import watch_task

    output = Output(request.as_json)
    try:
        task = await client.tasks.submit(
            request.submission, files=request.files, idempotency_key=request.idempotency_key
        )
    except OSError as error:
        raise CommandFailed(f"Cannot read the file {error.filename}: {error.strerror}.") from error
    if request.watch_options is None:
        output.json(task) if request.as_json else output.line(task["task_id"])
        return 0
    output.note(f"Submitted task {task['task_id']}.")
    display = display_for(output) if request.live else QuietDisplay(output)
    return await watch_task(client, task["task_id"], display, request.watch_options)
