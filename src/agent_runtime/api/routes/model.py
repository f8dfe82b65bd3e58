"""The registry of models."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.answer import answer, answered_before, no_content, once
from agent_runtime.api.auth import Caller
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.problem import invalid_field
from agent_runtime.api.request_body import read_body
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.answers import Discovered, Model, ModelPage
from agent_runtime.api.schemas.fields import Text
from agent_runtime.api.schemas.lists import ModelQuery
from agent_runtime.api.schemas.model import ChangeModelRequest, CreateModelRequest
from agent_runtime.api.schemas.task import NoFields
from agent_runtime.domain.model_values import price_source, set_by_hand
from agent_runtime.store import audit
from agent_runtime.store import model as store
from agent_runtime.store.database import Connection, Row
from agent_runtime.store.idempotency import KeptAnswer

router = APIRouter(tags=["models"])
ModelPath = Annotated[Text, Path(min_length=1, max_length=200)]


@router.get("/v1/models", **describe(ModelPage))
async def list_models(request: Request, query: Annotated[ModelQuery, Query()]) -> Response:
    """Models by provider and id."""
    listing = Listing("models", {"provider": "text", "model_id": "text"}, query.filters())
    after = listing.after(query.cursor)
    database = runtime_of(request).database
    rows = await store.list_models(database, query.provider, query.is_active, after, query.limit + 1)
    return answer(listing.page(rows, query.limit))


@router.post(
    "/v1/models",
    **describe(Model, body=CreateModelRequest, status=201, keyed=True, scope="configure", operator_only=True),
)
async def create_model(request: Request) -> Response:
    """Add a model by hand."""
    body = await read_body(request, CreateModelRequest)
    given = body.model_dump(exclude={"provider", "model_id", "is_active"})
    by_hand = set_by_hand((), given)
    values = body.model_dump() | {
        "display_name": body.display_name or body.model_id,
        "is_active": body.is_active is not False,
        "set_by_hand": by_hand,
        "price_source": price_source(by_hand, "unknown", given),
    }

    async def act(connection: Connection) -> KeptAnswer:
        await store.insert_model(connection, values)
        made = await store.get_model(connection, body.provider, body.model_id)
        await _note(connection, caller_of(request), "model_created", None, made)
        return KeptAnswer(201, made)

    return await once(request, body, act)


@router.post(
    "/v1/models/discover", **describe(Discovered, body=NoFields, keyed=True, scope="configure", operator_only=True)
)
async def discover_models(request: Request) -> Response:
    """Ask each configured provider again for its models."""
    body = await read_body(request, NoFields)
    if (replayed := await answered_before(request, body)) is not None:
        return replayed
    caller = caller_of(request)
    found = await runtime_of(request).models.discover()

    async def act(connection: Connection) -> KeptAnswer:
        await audit.record(connection, caller.tenant_id, caller.name, "models_discovered", "model", None, None, found)
        return KeptAnswer(200, found)

    return await once(request, body, act)


@router.patch(
    "/v1/models/{provider}/{model_id:path}",
    **describe(Model, body=ChangeModelRequest, scope="configure", operator_only=True),
)
async def change_model(request: Request, provider: ModelPath, model_id: ModelPath) -> Response:
    """Set values by hand; they survive discovery, until null gives them back to it."""
    body = await read_body(request, ChangeModelRequest)
    given = body.model_dump(exclude_unset=True)
    for name in ("display_name", "is_active"):
        if name in given and given[name] is None:
            raise invalid_field(("body", name), "cannot be null")
    caller = caller_of(request)
    async with runtime_of(request).database.transaction(caller.tenant_id) as connection:
        current = await store.lock_model(connection, provider, model_id)
        by_hand = set_by_hand(current["set_by_hand"], {name: given[name] for name in given if name != "is_active"})
        source = price_source(by_hand, current["price_source"], given)
        values = {**current, **given, "set_by_hand": by_hand, "price_source": source}
        await store.update_model(connection, values)
        changed = await store.get_model(connection, provider, model_id)
        await _note(connection, caller, "model_updated", current, changed)
        return answer(changed)


@router.delete(
    "/v1/models/{provider}/{model_id:path}", **describe(None, status=204, scope="configure", operator_only=True)
)
async def delete_model(request: Request, provider: ModelPath, model_id: ModelPath) -> Response:
    """Take a model out of the registry; discovery brings back what its provider lists."""
    caller = caller_of(request)
    async with runtime_of(request).database.transaction(caller.tenant_id) as connection:
        current = await store.lock_model(connection, provider, model_id)
        await store.delete_model(connection, provider, model_id)
        await _note(connection, caller, "model_deleted", current, None)
    return no_content()


async def _note(connection: Connection, caller: Caller, action: str, before: Row | None, after: Row | None) -> None:
    model = before or after or {}
    name = f"{model['provider']}/{model['model_id']}"
    await audit.record(connection, caller.tenant_id, caller.name, action, "model", name, before, after)
