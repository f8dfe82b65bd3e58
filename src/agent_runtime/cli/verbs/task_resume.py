"""`par task resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_runtime.cli.parameters import AsJson, TaskIds

if TYPE_CHECKING:
    from agent_runtime.client import RuntimeClient

EXAMPLES = ("par task resume 0190a7c2-…",)


def run(task_ids: TaskIds, as_json: AsJson = False) -> int:
    """Resume tasks that their own budget paused, after the agent's budget was raised."""
    from agent_runtime.cli.each_task import act_on_each
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    async def resume(client: RuntimeClient, task_id: str) -> dict[str, Any]:
        return await client.tasks.resume(task_id)

    return ask(lambda client: act_on_each(client, task_ids, resume, Output(as_json)))
