"""What waits for people, over HTTP. The answers themselves are `client.tasks.approve`, `reject` and `respond`."""

from __future__ import annotations

from collections.abc import AsyncIterator

from agent_runtime.client.connection import Connection, JsonObject, segment


class HumanRequestCalls:
    """`client.human_requests`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self, *, agent_id: str | None = None, kind: str | None = None, limit: int | None = 50
    ) -> AsyncIterator[JsonObject]:
        """Open requests, newest first; `kind` is `approval` or `input`. Texts of a row are cut at 2 KB."""
        return self._connection.items("/v1/human-requests", {"agent_id": agent_id, "kind": kind}, limit)

    async def of_task(self, task_id: str) -> JsonObject | None:
        """The request that this task has open, with its texts whole; None when it waits for nobody.

        Raises RequestNotFound for a task that does not exist.
        """
        task: JsonObject = await self._connection.get(f"/v1/tasks/{segment(task_id)}")
        async for row in self._connection.items("/v1/human-requests", {"task_id": task["task_id"]}, 1):
            return _whole(row, task)
        return None


def _whole(row: JsonObject, task: JsonObject) -> JsonObject:
    action = task.get("pending_approval_action") or {}
    if row["kind"] == "approval" and action.get("request_id") == row["request_id"]:
        return {**row, "tool_args": action["tool_args"]}
    if row["kind"] == "input" and task.get("pending_input_prompt"):
        return {**row, "prompt": task["pending_input_prompt"]}
    return row
