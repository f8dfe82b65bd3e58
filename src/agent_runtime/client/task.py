"""Tasks over HTTP: submit, read, follow, and the actions of people."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from agent_runtime.client.artifact import UPLOAD_SECONDS, download, opened_parts
from agent_runtime.client.connection import Connection, Form, JsonObject, QueryValue, segment
from agent_runtime.client.task_stream import StreamEvent, StreamOptions, read_task_stream
from agent_runtime.client.waiting import WaitOptions, wait_for_task


@dataclass(frozen=True)
class TaskSubmission:
    """What a task is made of. None leaves the server's default; limits and units as in the API's contract."""

    agent_id: str
    input: str
    max_retries: int | None = None
    max_steps: int | None = None
    task_timeout_seconds: int | None = None
    priority: int | None = None
    run_at: str | None = None
    labels: dict[str, str] | None = None
    budget_max: int | None = None
    worker_pool_id: str | None = None
    callback_url: str | None = None
    langfuse_endpoint_id: str | None = None
    memory_mode: str | None = None

    def body(self) -> JsonObject:
        """The request's body: only what was given."""
        return _given(asdict(self))


class TaskCalls:
    """`client.tasks`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def submit(
        self, submission: TaskSubmission, *, files: Sequence[Path] = (), idempotency_key: str | None = None
    ) -> JsonObject:
        """Submit one task, with files if given; answers `task_id, agent_id, agent_display_name, status, created_at`.

        Raises OSError for a file that cannot be read.
        """
        if files:
            with opened_parts(json.dumps(submission.body()).encode(), files) as parts:
                headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
                form = Form(parts, UPLOAD_SECONDS)
                made: JsonObject = (await self._connection.send("POST", "/v1/tasks", headers=headers, form=form)).body
                return made
        answer: JsonObject = await self._connection.post(
            "/v1/tasks", submission.body(), idempotency_key=idempotency_key
        )
        return answer

    async def get(self, task_id: str) -> JsonObject:
        task: JsonObject = await self._connection.get(f"/v1/tasks/{segment(task_id)}")
        return task

    def list(self, filters: dict[str, QueryValue], limit: int | None = 50) -> AsyncIterator[JsonObject]:
        """Tasks, newest first; `filters` are the query parameters of `GET /v1/tasks`."""
        return self._connection.items("/v1/tasks", filters, limit)

    def stream(self, task_id: str, options: StreamOptions | None = None) -> AsyncIterator[StreamEvent]:
        """Follow the task to its end (`task_stream.read_task_stream` says what that raises)."""
        return read_task_stream(self._connection, task_id, options or StreamOptions())

    def checkpoints(self, task_id: str) -> AsyncIterator[JsonObject]:
        return self._connection.items(f"/v1/tasks/{segment(task_id)}/checkpoints", {}, None)

    def events(self, task_id: str) -> AsyncIterator[JsonObject]:
        return self._connection.items(f"/v1/tasks/{segment(task_id)}/events", {}, None)

    def activity(self, task_id: str) -> AsyncIterator[JsonObject]:
        """The timeline for people: turns, tool calls and results, costs and events, oldest first."""
        return self._connection.items(f"/v1/tasks/{segment(task_id)}/activity", {}, None)

    def runs(self, task_id: str) -> AsyncIterator[JsonObject]:
        return self._connection.items(f"/v1/tasks/{segment(task_id)}/runs", {}, None)

    def artifacts(self, task_id: str, direction: str | None = None) -> AsyncIterator[JsonObject]:
        """The files of the task, by direction (`input`, `output`) and name."""
        return self._connection.items(f"/v1/tasks/{segment(task_id)}/artifacts", {"direction": direction}, None)

    def download(self, task_id: str, filename: str, *, direction: str = "output") -> AsyncGenerator[bytes, None]:
        """The bytes of a file in chunks (`artifact.download` says what that raises)."""
        return download(self._connection, task_id, filename, direction)

    async def checkpoint(self, task_id: str, checkpoint_id: str) -> JsonObject:
        """The readable state after one step, and the difference to the step before."""
        path = f"/v1/tasks/{segment(task_id)}/checkpoints/{segment(checkpoint_id)}"
        detail: JsonObject = await self._connection.get(path)
        return detail

    async def wait(self, task_id: str, options: WaitOptions | None = None) -> JsonObject:
        """Wait until the task has ended, or needs a person or budget; gives the task. Raises WaitTimedOut."""
        return await wait_for_task(self._connection, task_id, options or WaitOptions())

    async def cancel(self, task_id: str) -> JsonObject:
        return await self._act(task_id, "cancel", {})

    async def redrive(self, task_id: str, changes: JsonObject | None = None) -> JsonObject:
        """Send a dead letter round again; `changes` as in `POST /v1/tasks/{id}/redrive`."""
        return await self._act(task_id, "redrive", changes or {})

    async def follow_up(self, task_id: str, message: str, *, idempotency_key: str | None = None) -> JsonObject:
        """Continue a completed task's conversation, as the same task."""
        return await self._act(task_id, "follow-up", {"message": message}, idempotency_key)

    async def fork(self, task_id: str, start: JsonObject, *, idempotency_key: str | None = None) -> JsonObject:
        """A new task from a checkpoint of this one; `start` is `{checkpoint_id, agent_config?, input?, …}`."""
        return await self._act(task_id, "fork", start, idempotency_key)

    async def approve(
        self,
        task_id: str,
        *,
        request_id: str | None = None,
        args: JsonObject | None = None,
        result: str | None = None,
        skip: bool = False,
    ) -> JsonObject:
        """Let the call that waits run, with other `args` if given.

        For a call of unknown outcome `result` says what it gave, and `skip` leaves it out. With `request_id` the answer
        counts for that request only; RequestConflict says who answered before.
        """
        answer = {"request_id": request_id, "args": args, "result": result, "skip": skip or None}
        return await self._act(task_id, "approve", _given(answer))

    async def reject(self, task_id: str, reason: str, *, request_id: str | None = None) -> JsonObject:
        """Refuse the call that waits; the agent reads the reason and goes on."""
        return await self._act(task_id, "reject", _given({"request_id": request_id, "reason": reason}))

    async def respond(self, task_id: str, message: str, *, request_id: str | None = None) -> JsonObject:
        """Answer the question that waits."""
        return await self._act(task_id, "respond", _given({"request_id": request_id, "message": message}))

    async def resume(self, task_id: str) -> JsonObject:
        """Go on with a task that its own budget paused, after the budget was raised."""
        return await self._act(task_id, "resume", {})

    async def _act(self, task_id: str, action: str, body: JsonObject, idempotency_key: str | None = None) -> JsonObject:
        path = f"/v1/tasks/{segment(task_id)}/{action}"
        task: JsonObject = await self._connection.post(path, body or None, idempotency_key=idempotency_key)
        return task


def _given(answer: JsonObject) -> JsonObject:
    return {name: value for name, value in answer.items() if value is not None}
