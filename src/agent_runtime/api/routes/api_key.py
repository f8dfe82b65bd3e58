"""API keys of a tenant: made, listed, rotated, revoked. The operator may do so for any tenant."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.answer import answer, no_content, once
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.problem import FieldError, invalid
from agent_runtime.api.request_body import read_body
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.api_key import ApiKeyPage, CreateKeyRequest, KeyQuery, RotateKeyRequest, ShownApiKey
from agent_runtime.api.schemas.fields import Text
from agent_runtime.api.scope_guard import refuse
from agent_runtime.domain.access import allowed_scopes
from agent_runtime.domain.api_key import PREFIX, NewKey, new_key
from agent_runtime.domain.errors import Conflict, NotFound
from agent_runtime.store import api_key as store
from agent_runtime.store import audit
from agent_runtime.store.database import Connection, Row
from agent_runtime.store.idempotency import KeptAnswer
from agent_runtime.store.tenant import tenant_exists

router = APIRouter(tags=["access"])
KeyId = Annotated[Text, Path(min_length=1, max_length=64)]
_SECRET = ("key",)


@router.post("/v1/api-keys", **describe(ShownApiKey, body=CreateKeyRequest, status=201, keyed=True, scope="admin"))
async def create_key(request: Request) -> Response:
    """Make a key. The answer shows it, this once."""
    body = await read_body(request, CreateKeyRequest)
    if not body.scopes and not body.roles:
        raise invalid([FieldError(("body", "scopes"), "give a scope or a role: this key may do nothing")], status=400)
    caller, tenant_id = caller_of(request), await _tenant(request, body.tenant_id)
    key = new_key()
    granted = {
        "name": body.name,
        "scopes": sorted(set(body.scopes)),
        "roles": sorted(set(body.roles)),
        "created_by": caller.name,
    }

    async def act(connection: Connection) -> KeptAnswer:
        await store.insert(connection, tenant_id, key, granted, body.expires_at)
        made = shown(await store.get(connection, tenant_id, key.key_id))
        await audit.record(connection, tenant_id, caller.name, "api_key_created", "api_key", key.key_id, None, made)
        return KeptAnswer(201, made | {"key": key.text}, _SECRET)

    return await once(request, body, act, tenant_id=tenant_id)


@router.get("/v1/api-keys", **describe(ApiKeyPage, scope="admin"))
async def list_keys(request: Request, query: Annotated[KeyQuery, Query()]) -> Response:
    """Keys of a tenant, oldest first, without their secrets."""
    listing = Listing("api_keys", {"created_at": "time", "key_id": "text"}, query.filters())
    after = listing.after(query.cursor)
    tenant_id = await _tenant(request, query.tenant_id)
    rows = await store.page(runtime_of(request).database, tenant_id, after, query.limit + 1)
    return answer(listing.page(rows, query.limit, [shown(row) for row in rows]))


@router.delete("/v1/api-keys/{key_id}", **describe(None, status=204, scope="admin"))
async def revoke_key(request: Request, key_id: KeyId) -> Response:
    """End a key with both its secrets: within five seconds nobody is let in by it."""
    caller, runtime = caller_of(request), runtime_of(request)
    tenant_id = await _tenant_of_key(request, key_id)
    async with runtime.database.transaction(tenant_id) as connection:
        before = shown(await store.get(connection, tenant_id, key_id))
        if await store.revoke(connection, tenant_id, key_id):
            after = shown(await store.get(connection, tenant_id, key_id))
            await audit.record(connection, tenant_id, caller.name, "api_key_revoked", "api_key", key_id, before, after)
    runtime.keys.forget(key_id)
    return no_content()


@router.post("/v1/api-keys/{key_id}/rotate", **describe(ShownApiKey, body=RotateKeyRequest, keyed=True, scope="admin"))
async def rotate_key(request: Request, key_id: KeyId) -> Response:
    """Give a key a new secret, which the answer shows, this once; the old one is taken for a while beside it."""
    body = await read_body(request, RotateKeyRequest)
    caller, runtime = caller_of(request), runtime_of(request)
    tenant_id = await _tenant_of_key(request, key_id)
    key = new_key(key_id)

    async def act(connection: Connection) -> KeptAnswer:
        rotated = await _rotate(connection, tenant_id, key, body.grace_seconds)
        await audit.record(connection, tenant_id, caller.name, "api_key_rotated", "api_key", key_id, *rotated)
        return KeptAnswer(200, rotated[1] | {"key": key.text}, _SECRET)

    response = await once(request, body, act, tenant_id=tenant_id)
    runtime.keys.forget(key_id)
    return response


async def _rotate(
    connection: Connection, tenant_id: str, key: NewKey, grace_seconds: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    before = shown(await store.get(connection, tenant_id, key.key_id))
    if before["status"] != "active":
        raise Conflict(f"the key {key.key_id} is {before['status']}: make a new one")
    await store.rotate(connection, tenant_id, key, grace_seconds)
    return before, shown(await store.get(connection, tenant_id, key.key_id))


def shown(row: Row) -> dict[str, Any]:
    """A key as it is answered, with all scopes that it has."""
    scopes = sorted(allowed_scopes(row["scopes"], row["roles"]))
    return {**row, "scopes": scopes, "prefix": PREFIX + row["key_id"]}


async def _tenant(request: Request, tenant_id: str | None) -> str:
    """The tenant that a request is about. Raises Problem 403 for another's, unless the operator asks."""
    caller = caller_of(request)
    if tenant_id is None or tenant_id == caller.tenant_id:
        return caller.tenant_id
    if not caller.is_operator:
        await refuse(request, "keys of another tenant are managed by the operator alone")
    if not await tenant_exists(runtime_of(request).database, tenant_id):
        raise NotFound("tenant", tenant_id)
    return tenant_id


async def _tenant_of_key(request: Request, key_id: str) -> str:
    """The operator names a key by its id alone, whosever it is; everybody else has the own tenant's."""
    caller = caller_of(request)
    if not caller.is_operator:
        return caller.tenant_id
    return await store.tenant_of(runtime_of(request).database, key_id)
