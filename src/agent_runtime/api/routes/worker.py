"""Worker processes."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.answer import answer
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.request_body import read_body
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.answers import Worker, WorkerPage
from agent_runtime.api.schemas.fields import Text
from agent_runtime.api.schemas.lists import PageQuery
from agent_runtime.api.schemas.task import NoFields
from agent_runtime.store import audit
from agent_runtime.store import worker as store

router = APIRouter(tags=["workers"])


@router.get("/v1/workers", **describe(WorkerPage))
async def list_workers(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
    """The registry of workers, the youngest first."""
    listing = Listing("workers", {"started_at": "time", "worker_id": "text"})
    before = listing.after(query.cursor)
    rows = await store.list_workers(runtime_of(request).database, before, query.limit + 1)
    return answer(listing.page(rows, query.limit))


@router.post(
    "/v1/workers/{worker_id}/drain", **describe(Worker, body=NoFields, keyed=True, scope="admin", operator_only=True)
)
async def drain_worker(request: Request, worker_id: Annotated[Text, Path(max_length=200)]) -> Response:
    """Have a worker stop claiming, hand its tasks over and exit. Asking again changes nothing."""
    await read_body(request, NoFields)
    caller, runtime = caller_of(request), runtime_of(request)
    drained = await store.request_drain(runtime.database, worker_id)
    async with runtime.database.transaction(caller.tenant_id) as connection:
        await audit.record(connection, caller.tenant_id, caller.name, "worker_drained", "worker", worker_id)
    runtime.hints.stop_task(worker_id)
    return answer(drained)
