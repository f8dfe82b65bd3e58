"""Webhooks and their delivery log."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime.api.answer import answer, no_content, once
from agent_runtime.api.cursor import Listing
from agent_runtime.api.openapi import describe
from agent_runtime.api.problem import invalid_field
from agent_runtime.api.request_body import read_body
from agent_runtime.api.runtime import caller_of, runtime_of
from agent_runtime.api.schemas.fields import Identifier
from agent_runtime.api.schemas.lists import PageQuery
from agent_runtime.api.schemas.task import NoFields
from agent_runtime.api.schemas.webhook import (
    CreateWebhookRequest,
    DeliveryQuery,
    ReplaceWebhookRequest,
    RotateSecretRequest,
    Webhook,
    WebhookDelivery,
    WebhookDeliveryPage,
    WebhookPage,
    webhook_view,
)
from agent_runtime.api.target_rules import require_targets
from agent_runtime.store import webhook as store
from agent_runtime.store.database import Connection, Row
from agent_runtime.store.idempotency import KeptAnswer
from agent_runtime.store.webhook import Author, WebhookValues

router = APIRouter(tags=["webhooks"])
_DELIVERY_KEY = {"created_at": "time", "delivery_id": "uuid"}


@router.post("/v1/webhooks", **describe(Webhook, body=CreateWebhookRequest, status=201, keyed=True, scope="configure"))
async def create_webhook(request: Request) -> Response:
    """Create a webhook. Its signing secret is answered here once; a repetition by key answers null for it."""
    body = await read_body(request, CreateWebhookRequest)
    runtime = runtime_of(request)
    await require_targets(runtime, {("body", "url"): body.url})
    values = WebhookValues(body.url, body.agent_id, tuple(dict.fromkeys(body.events)))

    async def act(connection: Connection) -> KeptAnswer:
        row, secret = await store.insert_webhook(connection, _author(request), runtime.secrets, values)
        return _shown_once(201, row, secret)

    return await once(request, body, act)


@router.get("/v1/webhooks", **describe(WebhookPage))
async def list_webhooks(request: Request, query: Annotated[PageQuery, Query()]) -> Response:
    """Webhooks, oldest first."""
    listing = Listing("webhooks", {"created_at": "time", "webhook_id": "uuid"})
    after = listing.after(query.cursor)
    rows = await store.list_webhooks(runtime_of(request).database, caller_of(request).tenant_id, after, query.limit + 1)
    return answer(listing.page(rows, query.limit, [webhook_view(row) for row in rows]))


@router.get("/v1/webhooks/{webhook_id}", **describe(Webhook))
async def get_webhook(request: Request, webhook_id: Identifier) -> Response:
    """One webhook."""
    row = await store.get_webhook(runtime_of(request).database, caller_of(request).tenant_id, webhook_id)
    return answer(webhook_view(row))


@router.put("/v1/webhooks/{webhook_id}", **describe(Webhook, body=ReplaceWebhookRequest, scope="configure"))
async def replace_webhook(request: Request, webhook_id: Identifier) -> Response:
    """Set a whole webhook; what is absent takes its default."""
    body = await read_body(request, ReplaceWebhookRequest)
    runtime, author = runtime_of(request), _author(request)
    current = await store.get_webhook(runtime.database, author.tenant_id, webhook_id)
    _require_fitting(current, body)
    if body.url is not None:
        await require_targets(runtime, {("body", "url"): body.url})
    values = WebhookValues(body.url, body.agent_id, tuple(dict.fromkeys(body.events)), body.status)
    async with runtime.database.transaction(author.tenant_id) as connection:
        current = await store.lock_webhook(connection, author.tenant_id, webhook_id)
        return answer(webhook_view(await store.update_webhook(connection, author, current, values)))


@router.delete("/v1/webhooks/{webhook_id}", **describe(None, status=204, scope="configure"))
async def delete_webhook(request: Request, webhook_id: Identifier) -> Response:
    """Delete a webhook with its delivery log."""
    author = _author(request)
    async with runtime_of(request).database.transaction(author.tenant_id) as connection:
        await store.delete_webhook(connection, author, webhook_id)
    return no_content()


@router.post(
    "/v1/webhooks/{webhook_id}/rotate-secret",
    **describe(Webhook, body=RotateSecretRequest, keyed=True, scope="configure"),
)
async def rotate_webhook_secret(request: Request, webhook_id: Identifier) -> Response:
    """Give a webhook a new signing secret, answered once; the one until now signs beside it for a while."""
    body = await read_body(request, RotateSecretRequest)
    secrets, author = runtime_of(request).secrets, _author(request)

    async def act(connection: Connection) -> KeptAnswer:
        await store.lock_webhook(connection, author.tenant_id, webhook_id)
        rotated = await store.rotate_secret(connection, author, secrets, webhook_id, body.keep_previous_seconds)
        return _shown_once(200, *rotated)

    return await once(request, body, act)


@router.get("/v1/webhooks/{webhook_id}/deliveries", **describe(WebhookDeliveryPage))
async def list_deliveries(
    request: Request, webhook_id: Identifier, query: Annotated[DeliveryQuery, Query()]
) -> Response:
    """The delivery log of the last days, newest first."""
    database, tenant_id = runtime_of(request).database, caller_of(request).tenant_id
    listing = Listing("webhook_deliveries", _DELIVERY_KEY, {"webhook_id": webhook_id, **query.filters()})
    before = listing.after(query.cursor)
    await store.get_webhook(database, tenant_id, webhook_id)
    rows = await store.list_deliveries(database, tenant_id, webhook_id, query.status, before, query.limit + 1)
    return answer(listing.page(rows, query.limit))


@router.post(
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
    **describe(WebhookDelivery, body=NoFields, keyed=True, scope="configure"),
)
async def redeliver(request: Request, webhook_id: Identifier, delivery_id: Identifier) -> Response:
    """Send a delivery again, under the same id."""
    body, author = await read_body(request, NoFields), _author(request)

    async def act(connection: Connection) -> KeptAnswer:
        return KeptAnswer(200, await store.redeliver(connection, author, webhook_id, delivery_id))

    return await once(request, body, act)


def _shown_once(status: int, row: Row, secret: str) -> KeptAnswer:
    return KeptAnswer(status, {**webhook_view(row), "secret": secret}, ("secret",))


def _author(request: Request) -> Author:
    caller = caller_of(request)
    return Author(caller.tenant_id, caller.name)


def _require_fitting(current: Row, body: ReplaceWebhookRequest) -> None:
    if current["kind"] == "endpoint" and body.url is None:
        raise invalid_field(("body", "url"), "is missing")
    if current["kind"] == "callback" and body.url is not None:
        raise invalid_field(("body", "url"), "the webhook for callbacks calls the callback_url of each task")
