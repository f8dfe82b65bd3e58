"""A runtime as tools: submit, look, wait, answer. All goes through the public client, with its key and its rights."""

import asyncio
import time
from typing import Annotated, Any, Literal

from mcp.server.fastmcp import FastMCP
from mcp.types import ToolAnnotations
from pydantic import Field

from agent_runtime.client import ClientError, JsonObject, RuntimeClient
from agent_runtime.client.task import TaskSubmission
from agent_runtime.domain.errors import ToolFailed

LONGEST_WAIT_SECONDS = 600
_LOOK_SECONDS = (0.2, 2.0)
_ENDS_WAIT = frozenset({"completed", "dead_letter", "waiting_for_approval", "waiting_for_input", "paused"})
_SHOWN = (
    "task_id", "agent_id", "status", "output", "total_cost_microdollars", "step_count", "pending_input_prompt",
    "pending_approval_action", "pause_reason", "dead_letter_reason", "last_error_code", "last_error_message",
    "created_at", "completed_at",
)  # fmt: skip
_LOOKS = ToolAnnotations(readOnlyHint=True, openWorldHint=False)
_ACTS = ToolAnnotations(readOnlyHint=False, destructiveHint=False, idempotentHint=False, openWorldHint=False)
TaskId = Annotated[str, Field(min_length=1, max_length=64, description="Id of the task")]
Decision = Literal["approve", "reject", "respond"]


class RuntimeTools:
    """Tools over one client."""

    def __init__(self, client: RuntimeClient) -> None:
        self._client = client

    def add_to(self, server: "FastMCP[Any]") -> None:
        """Offer them."""
        for function, hints in (
            (self.list_agents, _LOOKS),
            (self.submit_task, _ACTS),
            (self.get_task, _LOOKS),
            (self.wait_for_task, _LOOKS),
            (self.answer_human_request, _ACTS),
        ):
            server.add_tool(function, annotations=hints, structured_output=False)

    async def list_agents(self, limit: Annotated[int, Field(ge=1, le=200)] = 50) -> list[JsonObject]:
        """The agents that tasks can be given to."""
        kept = ("agent_id", "display_name", "status", "provider", "model")
        try:
            return [{name: row.get(name) for name in kept} async for row in self._client.agents.list(limit)]
        except ClientError as error:
            raise ToolFailed(str(error)) from None

    async def submit_task(
        self,
        agent_id: Annotated[str, Field(min_length=1, max_length=64, description="Who shall do it")],
        input: Annotated[str, Field(min_length=1, description="What the agent is told")],  # noqa: A002 - the contract's name
        idempotency_key: Annotated[
            str | None, Field(min_length=1, max_length=255, description="The same key submits one task only")
        ] = None,
    ) -> JsonObject:
        """Start a durable task; it goes on whatever becomes of this conversation."""
        submission = TaskSubmission(agent_id, input)
        try:
            return await self._client.tasks.submit(submission, idempotency_key=idempotency_key)
        except ClientError as error:
            raise ToolFailed(str(error)) from None

    async def get_task(self, task_id: TaskId) -> JsonObject:
        """How a task stands: status, output, cost, and what it waits for."""
        try:
            task = await self._client.tasks.get(task_id)
        except ClientError as error:
            raise ToolFailed(str(error)) from None
        return {name: task.get(name) for name in _SHOWN if task.get(name) is not None}

    async def wait_for_task(
        self, task_id: TaskId, timeout_seconds: Annotated[int, Field(ge=1, le=LONGEST_WAIT_SECONDS)] = 60
    ) -> JsonObject:
        """Wait until a task is finished or waits for a person or a budget; after the timeout, answer how it stands."""
        deadline = time.monotonic() + timeout_seconds
        pause, slowest = _LOOK_SECONDS
        while True:
            task = await self.get_task(task_id)
            left = deadline - time.monotonic()
            if task["status"] in _ENDS_WAIT or left <= 0:
                return task
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.5, slowest)

    async def answer_human_request(
        self,
        task_id: TaskId,
        decision: Annotated[Decision, Field(description="approve or reject a tool call, or respond to a question")],
        message: Annotated[
            str | None, Field(max_length=10_000, description="The reason of reject, the answer of respond")
        ] = None,
        args: Annotated[dict[str, Any] | None, Field(description="Other arguments to approve the call with")] = None,
        request_id: Annotated[str | None, Field(description="The request that is meant; another is refused")] = None,
    ) -> JsonObject:
        """Answer what a task asks a person."""
        tasks = self._client.tasks
        try:
            if decision == "approve":
                await tasks.approve(task_id, request_id=request_id, args=args)
            elif decision == "reject":
                await tasks.reject(task_id, message or "refused", request_id=request_id)
            else:
                await tasks.respond(task_id, message or "", request_id=request_id)
        except ClientError as error:
            raise ToolFailed(str(error)) from None
        return await self.get_task(task_id)
