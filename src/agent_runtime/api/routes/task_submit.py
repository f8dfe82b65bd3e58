"""Submitting tasks: one, or a batch of up to a thousand at once."""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime import fault_points
from agent_runtime.api.answer import answer, request_key
from agent_runtime.api.openapi import describe
from agent_runtime.api.problem import FieldError, Problem, invalid
from agent_runtime.api.request_body import BATCH_BYTES, read_body
from agent_runtime.api.routes.task_files import TaskWithFiles, give_up, receive, require_multipart
from agent_runtime.api.runtime import Runtime, caller_of, runtime_of
from agent_runtime.api.schemas.answers import BatchCounts, SubmittedBatch, SubmittedTask
from agent_runtime.api.schemas.fields import Identifier
from agent_runtime.api.schemas.task import BatchRequest, SubmitRequest
from agent_runtime.api.target_rules import require_targets
from agent_runtime.domain.agent_config import NOT_AVAILABLE
from agent_runtime.domain.identifier import new_id
from agent_runtime.store import idempotency
from agent_runtime.store import task as store
from agent_runtime.store.idempotency import RequestKey
from agent_runtime.store.submit import Submission, refused_agents, submit_with_files
from agent_runtime.store.webhook import ensure_for_callbacks

router = APIRouter(tags=["tasks"])
Prefix = tuple[str | int, ...]


@router.post(
    "/v1/tasks", **describe(SubmittedTask, body=SubmitRequest, status=201, keyed=True, scope="submit", files=True)
)
async def submit_task(request: Request) -> Response:
    """Submit a task."""
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        return await _submit_with_files(request)
    body = await read_body(request, SubmitRequest)
    items, _ = await _submit(request, [body], request_key(request, body), None)
    return answer(items[0], 201)


async def _submit_with_files(request: Request) -> Response:
    """The same with files: all of it or nothing, so that nobody finds a task without them."""
    require_multipart(request)
    received, made = TaskWithFiles(), False
    try:
        task = await receive(request, received)
        key = request_key(request, task, received.hashed())
        items, _ = await _submit(request, [task], key, None, received)
        made = items[0]["task_id"] == received.task_id
    finally:
        if not made:
            await give_up(request, received)
    return answer(items[0], 201)


@router.post("/v1/tasks/batch", **describe(SubmittedBatch, body=BatchRequest, status=201, keyed=True, scope="submit"))
async def submit_batch(request: Request) -> Response:
    """Submit 1 to 1 000 tasks, all or none."""
    body = await read_body(request, BatchRequest, limit=BATCH_BYTES)
    items, batch_id = await _submit(request, body.tasks, request_key(request, body), new_id())
    return answer({"batch_id": batch_id, "items": items}, 201)


@router.get("/v1/batches/{batch_id}", **describe(BatchCounts))
async def get_batch(request: Request, batch_id: Identifier) -> Response:
    """Counts and cost of a batch."""
    found = await store.batch(runtime_of(request).database, caller_of(request).tenant_id, batch_id)
    return answer(found)


async def _submit(
    request: Request,
    tasks: Sequence[SubmitRequest],
    key: RequestKey | None,
    batch_id: str | None,
    files: TaskWithFiles | None = None,
) -> tuple[list[dict[str, object]], str | None]:
    runtime, tenant_id = runtime_of(request), caller_of(request).tenant_id
    _refuse_unavailable(tasks, batch_id is not None)
    await _prepare_callbacks(runtime, tenant_id, tasks, batch_id is not None)
    rows = [_row(task, place, batch_id) for place, task in enumerate(tasks)]
    if files is None:
        items = await runtime.submitter.submit(Submission(tenant_id, rows, key))
    else:
        rows[0]["task_id"] = files.task_id
        items = await submit_with_files(runtime.database, Submission(tenant_id, rows, key), files.files)
    if not items:
        return await _answered_or_refused(runtime, tenant_id, tasks, key, batch_id)
    fault_points.reach("submit.committed")
    for pool in {task.worker_pool_id for task in tasks}:
        runtime.hints.new_work(pool)
    return items, batch_id


def _row(task: SubmitRequest, place: int, batch_id: str | None) -> dict[str, object]:
    return {
        "task_id": new_id(),
        "run_id": new_id(),
        "agent_id": task.agent_id,
        "input": task.input,
        "worker_pool_id": task.worker_pool_id,
        "priority": task.priority,
        "max_retries": task.max_retries,
        "max_steps": task.max_steps,
        "task_timeout_seconds": task.task_timeout_seconds,
        "budget_max": task.budget_max,
        "labels": task.labels,
        "batch_id": batch_id,
        "run_at": task.run_at.isoformat() if task.run_at else None,
        "callback_url": task.callback_url,
        "ordinal": place,
    }


def _refuse_unavailable(tasks: Sequence[SubmitRequest], in_batch: bool) -> None:
    errors = [
        FieldError((*_prefix(place, in_batch), name), NOT_AVAILABLE)
        for place, task in enumerate(tasks)
        for name in task.unavailable_fields()
    ]
    if errors:
        raise invalid(errors[:20])


async def _prepare_callbacks(runtime: Runtime, tenant_id: str, tasks: Sequence[SubmitRequest], in_batch: bool) -> None:
    """Refuse callback URLs that may not be called, and see to it that what is sent to them can be signed."""
    urls = {
        (*_prefix(place, in_batch), "callback_url"): task.callback_url
        for place, task in enumerate(tasks)
        if task.callback_url is not None
    }
    if urls:
        await require_targets(runtime, urls)
        await ensure_for_callbacks(runtime.database, tenant_id, runtime.secrets)


def _prefix(place: int, in_batch: bool) -> Prefix:
    return ("body", "tasks", place) if in_batch else ("body",)


async def _answered_or_refused(
    runtime: Runtime, tenant_id: str, tasks: Sequence[SubmitRequest], key: RequestKey | None, batch_id: str | None
) -> tuple[list[dict[str, object]], str | None]:
    """Nothing was inserted: the key was used before, or an agent does not take the task."""
    kept = await idempotency.read(runtime.database, tenant_id, key) if key is not None else None
    if kept is not None:
        return kept.response["items"], kept.response["batch_id"]
    agents = await refused_agents(runtime.database, tenant_id, [task.agent_id for task in tasks])
    for place, task in enumerate(tasks):
        prefix, agent = _prefix(place, batch_id is not None), agents.get(task.agent_id)
        if agent is None:
            message = f"there is no agent {task.agent_id!r}"
            raise Problem(404, f"agent_id: {message}", [FieldError((*prefix, "agent_id"), message)])
        if agent["status"] != "active":
            message = f"agent {task.agent_id!r} is disabled and takes no new tasks"
            raise Problem(409, f"agent_id: {message}", [FieldError((*prefix, "agent_id"), message)])
        limit = agent["budget_max_per_task"]
        if task.budget_max is not None and limit is not None and task.budget_max > limit:
            message = f"is above the budget of agent {task.agent_id!r}, which is {limit} for a task"
            raise invalid([FieldError((*prefix, "budget_max"), message)], status=400)
    raise Problem(409, "the agent changed while the task was submitted: send it again")
