"""`par task cancel`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_runtime.cli.parameters import AsJson, TaskIds

if TYPE_CHECKING:
    from agent_runtime.client import RuntimeClient

EXAMPLES = (
    "par task cancel 0190a7c2-…",
    "par task list --status queued --json | jq -r '.[].task_id' | xargs par task cancel",
)


def run(task_ids: TaskIds, as_json: AsJson = False) -> int:
    """Cancel tasks that have not ended; a model call under way is stopped too."""
    from agent_runtime.cli.each_task import act_on_each
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    async def cancel(client: RuntimeClient, task_id: str) -> dict[str, Any]:
        return await client.tasks.cancel(task_id)

    return ask(lambda client: act_on_each(client, task_ids, cancel, Output(as_json)))
