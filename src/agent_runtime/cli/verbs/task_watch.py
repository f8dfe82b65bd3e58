"""`par task watch`."""

from __future__ import annotations

from agent_runtime.cli.parameters import AsJson, KeepWaiting, TaskId, WaitTimeout

EXAMPLES = (
    "par task watch 0190a7c2-…",
    "par task watch 0190a7c2-… --wait-timeout 600",
    "par task watch 0190a7c2-… --json | jq -r 'select(.event == \"tool_call\") | .data.tool_name'",
)


def run(
    task_id: TaskId, wait_timeout: WaitTimeout = None, keep_waiting: KeepWaiting = False, as_json: AsJson = False
) -> int:
    """Follow a task live: steps, tool calls, tokens and cost, until it ends.

    It begins with what happened so far and survives restarts of the server. With --json each event is one line of
    JSON and the last line, "result", is the task.
    """
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask
    from agent_runtime.cli.watch_display import display_for
    from agent_runtime.cli.watching import WatchOptions, watch_task

    display = display_for(Output(as_json))
    return ask(lambda client: watch_task(client, task_id, display, WatchOptions(wait_timeout, not keep_waiting)))
