"""What waits for people, and their answers."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime import fault_points
from agent_runtime.api.answer import answer, once
from agent_runtime.api.cursor import Listing
from agent_runtime.api.edited_arguments import argument_errors
from agent_runtime.api.openapi import describe
from agent_runtime.api.problem import FieldError, invalid
from agent_runtime.api.request_body import read_body
from agent_runtime.api.routes.task_action import give_hints
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.answers import Task
from agent_runtime.api.schemas.fields import Identifier
from agent_runtime.api.schemas.human_request import (
    ApproveRequest,
    HumanRequestPage,
    RejectRequest,
    RespondRequest,
)
from agent_runtime.api.schemas.lists import HumanRequestQuery
from agent_runtime.api.task_view import cut_texts
from agent_runtime.domain.errors import Conflict
from agent_runtime.domain.human_request import Answer, Why, answer_move, approve, reject, respond
from agent_runtime.store import audit
from agent_runtime.store import human_request as store
from agent_runtime.store import task as task_store
from agent_runtime.store.database import Connection, Row
from agent_runtime.store.human_request import RequestFilter
from agent_runtime.store.idempotency import KeptAnswer
from agent_runtime.store.task_action import Landed, land

router = APIRouter(tags=["human requests"])


@router.get("/v1/human-requests", **describe(HumanRequestPage))
async def list_human_requests(request: Request, query: Annotated[HumanRequestQuery, Query()]) -> Response:
    """Open questions and approvals, newest first."""
    listing = Listing("human_requests", {"created_at": "time", "request_id": "uuid"}, query.filters())
    before = listing.after(query.cursor)
    database, tenant_id = runtime_of(request).database, caller_of(request).tenant_id
    chosen = RequestFilter(query.agent_id, query.kind, query.task_id)
    rows = await store.page(database, tenant_id, chosen, before, query.limit + 1)
    return answer(listing.page(rows, query.limit, [cut_texts(dict(row)) for row in rows]))


@router.post("/v1/tasks/{task_id}/approve", **describe(Task, body=ApproveRequest, keyed=True, scope="approve"))
async def approve_call(request: Request, task_id: Identifier) -> Response:
    """Let the call that waits run, as it is or with other arguments."""
    body = await read_body(request, ApproveRequest)
    given = [name for name in ("args", "result", "skip") if getattr(body, name) not in (None, False)]
    if len(given) > 1:
        raise invalid([FieldError(("body", given[1]), f"cannot go together with {given[0]}")], status=400)
    return await _answer(request, task_id, body, approve(body.args, body.result, bool(body.skip)))


@router.post("/v1/tasks/{task_id}/reject", **describe(Task, body=RejectRequest, keyed=True, scope="approve"))
async def reject_call(request: Request, task_id: Identifier) -> Response:
    """Refuse the call that waits; the agent reads the reason and goes on."""
    body = await read_body(request, RejectRequest)
    return await _answer(request, task_id, body, reject(body.reason))


@router.post("/v1/tasks/{task_id}/respond", **describe(Task, body=RespondRequest, keyed=True, scope="approve"))
async def respond_to_question(request: Request, task_id: Identifier) -> Response:
    """Answer the question that waits."""
    body = await read_body(request, RespondRequest)
    return await _answer(request, task_id, body, respond(body.message))


async def _answer(request: Request, task_id: str, body: BaseModel, given: Answer) -> Response:
    caller = caller_of(request)
    landed: list[Landed] = []
    wanted = getattr(body, "request_id", None)

    async def act(connection: Connection) -> KeptAnswer:
        found = await store.open_request(connection, caller.tenant_id, task_id, given.change, wanted)
        _check(found, given.body)
        request_id = str(found["request_id"])
        move = answer_move(caller.tenant_id, task_id, request_id, given, caller.name)
        landed.append(await land(connection, move))
        facts = {"request_id": request_id, "tool_name": found["tool_name"], **given.body}
        await audit.record(
            connection, caller.tenant_id, caller.name, move.transition.event_type, "task", task_id, after=facts
        )
        return KeptAnswer(200, await task_store.read_task(connection, caller.tenant_id, task_id))

    response = await once(request, body, act)
    for each in landed:
        fault_points.reach("answer.committed")
        give_hints(request, each.row, each.stopped_worker_id)
    return response


def _check(found: Row, given: Mapping[str, Any]) -> None:
    """Raise what forbids this answer: a result for a call that has not run, arguments that do not fit."""
    for name in ("result", "skip"):
        if name in given and found["reason"] != Why.OUTCOME_UNKNOWN:
            raise Conflict(
                f"{name} answers a call of unknown outcome; request {found['request_id']} waits before its call: "
                "approve it, give other args, or reject it"
            )
    if "args" in given:
        errors = argument_errors(found["tool_name"], given["args"])
        if errors:
            raise invalid(errors)
