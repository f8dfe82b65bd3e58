"""Keys of model providers that the operator keeps in the database: written, never read."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.answer import answer, no_content
from agent_runtime.api.openapi import describe
from agent_runtime.api.request_body import read_body
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.provider import Provider, ProviderKeyRequest, ProviderList
from agent_runtime.domain.errors import NotFound
from agent_runtime.models.providers import KEPT_KEY_PROVIDERS
from agent_runtime.store import audit, provider_key
from agent_runtime.store.database import Connection, Row, act_for
from agent_runtime.store.secret import OPERATOR

router = APIRouter(tags=["models"])


@router.get("/v1/providers", **describe(ProviderList, operator_only=True))
async def list_providers(request: Request) -> Response:
    """Which providers have a key, and from where."""
    kept = await provider_key.described(runtime_of(request).database)
    return answer({"items": [_view(request, name, kept.get(name)) for name in KEPT_KEY_PROVIDERS], "next_cursor": None})


@router.put(
    "/v1/providers/{provider}/key", **describe(Provider, body=ProviderKeyRequest, scope="admin", operator_only=True)
)
async def keep_provider_key(request: Request, provider: str) -> Response:
    """Keep a provider's key; workers use it within seconds, unless the environment has one."""
    _require_known(provider)
    body = await read_body(request, ProviderKeyRequest)
    runtime = runtime_of(request)
    async with runtime.database.transaction(OPERATOR) as connection:
        await provider_key.keep_key(connection, runtime.secrets, provider, body.api_key)
        await _record(connection, request, "provider_key_set", provider)
    kept = await provider_key.described(runtime.database)
    return answer(_view(request, provider, kept.get(provider)))


@router.delete("/v1/providers/{provider}/key", **describe(None, status=204, scope="admin", operator_only=True))
async def forget_provider_key(request: Request, provider: str) -> Response:
    """Forget a provider's key."""
    _require_known(provider)
    async with runtime_of(request).database.transaction(OPERATOR) as connection:
        if not await provider_key.forget_key(connection, provider):
            raise NotFound("key of provider", provider)
        await _record(connection, request, "provider_key_deleted", provider)
    return no_content()


async def _record(connection: Connection, request: Request, action: str, provider: str) -> None:
    caller = caller_of(request)
    await act_for(connection, caller.tenant_id)
    await audit.record(connection, caller.tenant_id, caller.name, action, "provider", provider)


def _require_known(provider: str) -> None:
    if provider not in KEPT_KEY_PROVIDERS:
        raise NotFound("provider with a key", provider)


def _view(request: Request, provider: str, kept: Row | None) -> dict[str, Any]:
    from_environment = runtime_of(request).models.is_from_environment(provider)
    return {
        "provider": provider,
        "api_key_set": kept is not None,
        "api_key_last4": (kept["last4"] or None) if kept else None,
        "key_from": "environment" if from_environment else "database" if kept else None,
        "updated_at": kept["updated_at"] if kept else None,
    }
