"""What people do to a task: cancel, resume, redrive, follow up."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime import fault_points
from agent_runtime.api.answer import once
from agent_runtime.api.auth import Caller
from agent_runtime.api.openapi import describe
from agent_runtime.api.problem import FieldError, Problem, invalid
from agent_runtime.api.request_body import read_body
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.answers import Task
from agent_runtime.api.schemas.fields import Identifier
from agent_runtime.api.schemas.task import FollowUpRequest, NoFields, RedriveRequest
from agent_runtime.checkpointer.rewind import rewind_to, roll_back
from agent_runtime.domain.errors import NotFound
from agent_runtime.domain.people_moves import Restart, cancel, follow_up, redrive, resume
from agent_runtime.domain.task_lifecycle import Move
from agent_runtime.store import audit
from agent_runtime.store import task as store
from agent_runtime.store.database import Connection, Row
from agent_runtime.store.idempotency import KeptAnswer
from agent_runtime.store.task_action import Landed, land, require_state

router = APIRouter(tags=["tasks"])


@dataclass(frozen=True)
class Doing:
    """A move that a person asks for, and the fault point behind its commit.

    `prepare` does in the same transaction what has to be done first, and gives the move to land instead.
    """

    move: Move
    fault_point: str | None = None
    resumes_budget: bool = False
    prepare: Callable[[Connection], Awaitable[Move]] | None = None


@router.post("/v1/tasks/{task_id}/cancel", **describe(Task, body=NoFields, keyed=True, scope="submit"))
async def cancel_task(request: Request, task_id: Identifier) -> Response:
    """Cancel a task in any state that is not terminal; a call in flight is stopped."""
    body = await read_body(request, NoFields)
    move = cancel(caller_of(request).tenant_id, task_id)
    return await _carry_out(request, body, Doing(move, "cancel.committed"))


@router.post("/v1/tasks/{task_id}/resume", **describe(Task, body=NoFields, keyed=True, scope="submit"))
async def resume_task(request: Request, task_id: Identifier) -> Response:
    """Resume a task that its own budget paused, after the budget was raised."""
    body = await read_body(request, NoFields)
    move = resume(caller_of(request).tenant_id, task_id)
    return await _carry_out(request, body, Doing(move, resumes_budget=True))


@router.post("/v1/tasks/{task_id}/redrive", **describe(Task, body=RedriveRequest, keyed=True, scope="submit"))
async def redrive_task(request: Request, task_id: Identifier) -> Response:
    """Send a dead letter round again, from its last checkpoint or an earlier one; what came after that is removed."""
    body = await read_body(request, RedriveRequest)
    if body.from_checkpoint_id is not None and body.rollback_last_checkpoint:
        message = "goes not together with from_checkpoint_id: each says where to start"
        raise invalid([FieldError(("body", "rollback_last_checkpoint"), message)], status=400)
    move = redrive(caller_of(request).tenant_id, task_id, Restart(input=body.input))

    async def rewind(connection: Connection) -> Move:
        await require_state(connection, move)
        return redrive(move.tenant_id, task_id, await _restart(connection, move, body))

    return await _carry_out(request, body, Doing(move, "redrive.committed", prepare=rewind))


@router.post("/v1/tasks/{task_id}/follow-up", **describe(Task, body=FollowUpRequest, keyed=True, scope="submit"))
async def follow_up_task(request: Request, task_id: Identifier) -> Response:
    """Continue a completed task's conversation as the same task."""
    body = await read_body(request, FollowUpRequest)
    move = follow_up(caller_of(request).tenant_id, task_id, body.message)
    return await _carry_out(request, body, Doing(move))


async def _carry_out(request: Request, body: BaseModel, doing: Doing) -> Response:
    landed: list[Landed] = []

    async def act(connection: Connection) -> KeptAnswer:
        move = doing.move if doing.prepare is None else await doing.prepare(connection)
        landed.append(await land(connection, move, resumes_budget=doing.resumes_budget))
        await note_move(connection, caller_of(request), move, landed[-1])
        task = await store.read_task(connection, doing.move.tenant_id, doing.move.task_id)
        return KeptAnswer(200, task)

    response = await once(request, body, act)
    for each in landed:
        if doing.fault_point is not None:
            fault_points.reach(doing.fault_point)
        give_hints(request, each.row, each.stopped_worker_id)
    return response


async def _restart(connection: Connection, move: Move, body: RedriveRequest) -> Restart:
    """Take the task back to where the request says. Raises Problem 404 naming the field, Conflict."""
    if body.from_checkpoint_id is None and not body.rollback_last_checkpoint:
        return Restart(input=body.input)
    try:
        rewound = await (
            rewind_to(connection, move.tenant_id, move.task_id, body.from_checkpoint_id)
            if body.from_checkpoint_id is not None
            else roll_back(connection, move.tenant_id, move.task_id)
        )
    except NotFound:
        message = f"the task has no checkpoint {body.from_checkpoint_id!r}"
        location = ("body", "from_checkpoint_id")
        raise Problem(404, f"from_checkpoint_id: {message}", [FieldError(location, message)]) from None
    details = {
        "from_checkpoint_id": rewound.checkpoint_id,
        "removed_checkpoints": rewound.removed.checkpoints,
        "removed_steps": rewound.removed.steps,
    }
    return Restart(body.from_checkpoint_id, body.input, details)


async def note_move(connection: Connection, caller: Caller, move: Move, landed: Landed) -> None:
    """Note in the audit log who moved a task, under the name of its event."""
    before, after = {"status": landed.status_before}, {"status": landed.row["to_status"]} | (move.details or {})
    action = move.transition.event_type
    await audit.record(connection, move.tenant_id, caller.name, action, "task", move.task_id, before, after)


def give_hints(request: Request, row: Row, stopped_worker_id: str | None) -> None:
    """Wake whom a landed move concerns."""
    hints = runtime_of(request).hints
    hints.stop_task(stopped_worker_id)
    if row["to_status"] == "queued":
        hints.new_work(row["worker_pool_id"])


async def require_task(request: Request, task_id: str) -> None:
    """Raise NotFound unless the caller's tenant has this task."""
    if not await store.task_exists(runtime_of(request).database, caller_of(request).tenant_id, task_id):
        raise NotFound("task", task_id)
