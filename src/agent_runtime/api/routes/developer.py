"""Developer controls: make a running task lose its worker, or fail. Answer 404 where they are off."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.answer import once
from agent_runtime.api.openapi import describe
from agent_runtime.api.request_body import read_body
from agent_runtime.api.routes.task_action import give_hints, note_move
from agent_runtime.api.runtime import caller_of, require_dev_controls
from agent_runtime.api.schemas.answers import Task
from agent_runtime.api.schemas.fields import Identifier
from agent_runtime.api.schemas.task import NoFields
from agent_runtime.domain.people_moves import expire_lease, force_dead_letter
from agent_runtime.domain.task_lifecycle import Move
from agent_runtime.store.database import Connection
from agent_runtime.store.idempotency import KeptAnswer
from agent_runtime.store.task import read_task
from agent_runtime.store.task_action import Landed, land

router = APIRouter(tags=["developer controls"])


@router.post("/v1/dev/tasks/{task_id}/expire-lease", **describe(Task, body=NoFields, keyed=True, scope="admin"))
async def expire_task_lease(request: Request, task_id: Identifier) -> Response:
    """Take a running task from its worker, as if the worker had died."""
    require_dev_controls(request)
    return await _carry_out(request, expire_lease(caller_of(request).tenant_id, task_id))


@router.post("/v1/dev/tasks/{task_id}/force-dead-letter", **describe(Task, body=NoFields, keyed=True, scope="admin"))
async def force_task_dead_letter(request: Request, task_id: Identifier) -> Response:
    """Make a running task a dead letter."""
    require_dev_controls(request)
    return await _carry_out(request, force_dead_letter(caller_of(request).tenant_id, task_id))


async def _carry_out(request: Request, move: Move) -> Response:
    body = await read_body(request, NoFields)
    landed: list[Landed] = []

    async def act(connection: Connection) -> KeptAnswer:
        landed.append(await land(connection, move))
        await note_move(connection, caller_of(request), move, landed[-1])
        return KeptAnswer(200, await read_task(connection, move.tenant_id, move.task_id))

    response = await once(request, body, act)
    for each in landed:
        give_hints(request, each.row, each.stopped_worker_id)
    return response
