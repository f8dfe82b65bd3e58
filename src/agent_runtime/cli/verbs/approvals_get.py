"""`par approvals get`."""

from __future__ import annotations

from agent_runtime.cli.parameters import AsJson, TaskId

EXAMPLES = ("par approvals get 0190a7c2-…", "par approvals get 0190a7c2-… --json | jq .tool_args")


def run(task_id: TaskId, as_json: AsJson = False) -> int:
    """Show what a task asks: the call with its arguments or the question, why, the cost so far, and how to answer."""
    from agent_runtime.cli import exit_codes
    from agent_runtime.cli.failure import CommandFailed
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.request_page import request_page
    from agent_runtime.cli.server import ask

    request = ask(lambda client: client.human_requests.of_task(task_id))
    if request is None:
        raise CommandFailed(f"Task {task_id} waits for nobody; `par task get` shows it.", exit_codes.CONFLICT)
    output = Output(as_json)
    output.json(request) if as_json else output.line(request_page(request))
    return 0
