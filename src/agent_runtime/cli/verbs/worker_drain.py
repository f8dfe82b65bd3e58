"""`par worker drain`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par worker drain w-3f2a",)


def run(
    worker_id: Annotated[str, typer.Argument(metavar="WORKER", help="Id of the worker.", show_default=False)],
    as_json: AsJson = False,
) -> int:
    """Have a worker stop claiming, hand its tasks over and exit. A supervisor may start another in its place."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    worker = ask(lambda client: client.workers.drain(worker_id))
    shown = [("worker", worker["worker_id"]), ("status", worker["status"]), ("tasks", str(worker["running_tasks"]))]
    Output(as_json).pairs(shown, worker)
    return 0
