"""What people do to a task: cancel, resume, redrive, follow up."""

from dataclasses import dataclass

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime import fault_points
from agent_runtime.api.answer import once
from agent_runtime.api.openapi import describe
from agent_runtime.api.problem import FieldError, invalid
from agent_runtime.api.request_body import read_body
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.answers import Task
from agent_runtime.api.schemas.fields import Identifier
from agent_runtime.api.schemas.task import FollowUpRequest, NoFields, RedriveRequest
from agent_runtime.domain.agent_config import NOT_AVAILABLE
from agent_runtime.domain.errors import NotFound
from agent_runtime.domain.people_moves import cancel, follow_up, redrive, resume
from agent_runtime.domain.task_lifecycle import Move
from agent_runtime.store import task as store
from agent_runtime.store.database import Connection, Row
from agent_runtime.store.idempotency import KeptAnswer
from agent_runtime.store.task_action import Landed, land

router = APIRouter(tags=["tasks"])


@dataclass(frozen=True)
class Doing:
    """A move that a person asks for, and the fault point behind its commit."""

    move: Move
    fault_point: str | None = None
    resumes_budget: bool = False


@router.post("/v1/tasks/{task_id}/cancel", **describe(Task, body=NoFields, keyed=True))
async def cancel_task(request: Request, task_id: Identifier) -> Response:
    """Cancel a task in any state that is not terminal; a call in flight is stopped."""
    body = await read_body(request, NoFields)
    move = cancel(caller_of(request).tenant_id, task_id)
    return await _carry_out(request, body, Doing(move, "cancel.committed"))


@router.post("/v1/tasks/{task_id}/resume", **describe(Task, body=NoFields, keyed=True))
async def resume_task(request: Request, task_id: Identifier) -> Response:
    """Resume a task that its own budget paused, after the budget was raised."""
    body = await read_body(request, NoFields)
    move = resume(caller_of(request).tenant_id, task_id)
    return await _carry_out(request, body, Doing(move, resumes_budget=True))


@router.post("/v1/tasks/{task_id}/redrive", **describe(Task, body=RedriveRequest, keyed=True))
async def redrive_task(request: Request, task_id: Identifier) -> Response:
    """Send a dead letter round again, from its last checkpoint."""
    body = await read_body(request, RedriveRequest)
    if names := body.unavailable_fields():
        raise invalid([FieldError(("body", name), NOT_AVAILABLE) for name in names])
    move = redrive(caller_of(request).tenant_id, task_id)
    return await _carry_out(request, body, Doing(move, "redrive.committed"))


@router.post("/v1/tasks/{task_id}/follow-up", **describe(Task, body=FollowUpRequest, keyed=True))
async def follow_up_task(request: Request, task_id: Identifier) -> Response:
    """Continue a completed task's conversation as the same task."""
    body = await read_body(request, FollowUpRequest)
    move = follow_up(caller_of(request).tenant_id, task_id, body.message)
    return await _carry_out(request, body, Doing(move))


async def _carry_out(request: Request, body: BaseModel, doing: Doing) -> Response:
    landed: list[Landed] = []

    async def act(connection: Connection) -> KeptAnswer:
        landed.append(await land(connection, doing.move, resumes_budget=doing.resumes_budget))
        task = await store.read_task(connection, doing.move.tenant_id, doing.move.task_id)
        return KeptAnswer(200, task)

    response = await once(request, body, act)
    for each in landed:
        if doing.fault_point is not None:
            fault_points.reach(doing.fault_point)
        give_hints(request, each.row, each.stopped_worker_id)
    return response


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
