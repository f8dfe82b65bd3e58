"""Webhooks of a tenant, with their signing secrets sealed."""

from dataclasses import dataclass
from typing import Any

from agent_runtime.domain.errors import InvalidRequest, NotFound
from agent_runtime.domain.identifier import new_id
from agent_runtime.domain.webhook import DEFAULT_EVENTS, new_secret
from agent_runtime.store import audit
from agent_runtime.store.database import Connection, Database, Row, fetch_all, fetch_one
from agent_runtime.store.secret import Owner, Secrets, forget

SECRET, PREVIOUS_SECRET = "secret", "previous_secret"
_KIND = "webhook"
_OUTCOMES = ["pending", "delivered", "failed"]


@dataclass(frozen=True)
class WebhookValues:
    """What a person sets."""

    url: str | None
    agent_id: str | None
    events: tuple[str, ...]
    status: str = "active"

    def parameters(self) -> dict[str, Any]:
        """As columns."""
        return {"url": self.url, "agent_id": self.agent_id, "events": list(self.events), "status": self.status}


@dataclass(frozen=True)
class Author:
    """Who changes webhooks of which tenant."""

    tenant_id: str
    name: str


def owner_of(tenant_id: str, webhook_id: str) -> Owner:
    """Whose signing secrets."""
    return Owner(tenant_id, _KIND, webhook_id)


async def insert_webhook(
    connection: Connection, author: Author, secrets: Secrets, values: WebhookValues
) -> tuple[Row, str]:
    """A new webhook and its signing secret, in the open transaction. Raises InvalidRequest for an unknown agent."""
    webhook_id, secret = new_id(), new_secret()
    row = await fetch_one(
        connection,
        "webhook",
        "insert_webhook",
        {"tenant_id": author.tenant_id, "webhook_id": webhook_id, **values.parameters()},
    )
    if row is None:
        raise _unknown_agent(values)
    await secrets.seal(connection, owner_of(author.tenant_id, webhook_id), SECRET, secret)
    await audit.record(
        connection, author.tenant_id, author.name, "webhook_created", _KIND, webhook_id, None, values.parameters()
    )
    return row, secret


async def ensure_for_callbacks(database: Database, tenant_id: str, secrets: Secrets) -> None:
    """See to it that the callbacks of a tenant's tasks have a webhook that signs them."""
    found = await database.tenant_row(tenant_id, "webhook", "has_for_callbacks")
    if found and found["found"]:
        return
    webhook_id = new_id()
    async with database.transaction(tenant_id) as connection:
        parameters = {"tenant_id": tenant_id, "webhook_id": webhook_id, "events": list(DEFAULT_EVENTS)}
        if await fetch_one(connection, "webhook", "insert_for_callbacks", parameters) is not None:
            await secrets.seal(connection, owner_of(tenant_id, webhook_id), SECRET, new_secret())


async def list_webhooks(database: Database, tenant_id: str, after: tuple[Any, ...] | None, limit: int) -> list[Row]:
    """A page of webhooks after the key `(created_at, webhook_id)`."""
    after_time, after_id = after or (None, None)
    parameters = {"after_time": after_time, "after_id": after_id, "limit": limit}
    return await database.tenant_rows(tenant_id, "webhook", "list_webhooks", parameters)


async def get_webhook(database: Database, tenant_id: str, webhook_id: str) -> Row:
    """One webhook. Raises NotFound."""
    row = await database.tenant_row(tenant_id, "webhook", "get_webhook", {"webhook_id": webhook_id})
    return _found(row, webhook_id)


async def lock_webhook(connection: Connection, tenant_id: str, webhook_id: str) -> Row:
    """One webhook, locked until the open transaction ends. Raises NotFound."""
    row = await fetch_one(connection, "webhook", "lock_webhook", {"tenant_id": tenant_id, "webhook_id": webhook_id})
    return _found(row, webhook_id)


async def update_webhook(connection: Connection, author: Author, current: Row, values: WebhookValues) -> Row:
    """Set all values of a locked webhook. Raises InvalidRequest for an unknown agent."""
    key = {"tenant_id": author.tenant_id, "webhook_id": current["webhook_id"]}
    row = await fetch_one(connection, "webhook", "update_webhook", {**key, **values.parameters()})
    if row is None:
        raise _unknown_agent(values)
    before = {name: current[name] for name in values.parameters()}
    webhook_id = str(current["webhook_id"])
    await audit.record(
        connection, author.tenant_id, author.name, "webhook_updated", _KIND, webhook_id, before, values.parameters()
    )
    return row


async def rotate_secret(
    connection: Connection, author: Author, secrets: Secrets, webhook_id: str, keep_seconds: int
) -> tuple[Row, str]:
    """A new signing secret for a locked webhook; the one until now signs as well for `keep_seconds`."""
    owner, secret = owner_of(author.tenant_id, webhook_id), new_secret()
    until_now = await secrets.open_in(connection, owner, SECRET)
    if until_now is not None:
        await secrets.seal(connection, owner, PREVIOUS_SECRET, until_now)
    await secrets.seal(connection, owner, SECRET, secret)
    parameters = {"tenant_id": author.tenant_id, "webhook_id": webhook_id, "seconds": keep_seconds}
    row = await fetch_one(connection, "webhook", "keep_previous_secret", parameters)
    await audit.record(connection, author.tenant_id, author.name, "webhook_secret_rotated", _KIND, webhook_id)
    return _found(row, webhook_id), secret


async def delete_webhook(connection: Connection, author: Author, webhook_id: str) -> None:
    """Delete a webhook with its log and secrets, in the open transaction. Raises NotFound."""
    parameters = {"tenant_id": author.tenant_id, "webhook_id": webhook_id}
    _found(await fetch_one(connection, "webhook", "delete_webhook", parameters), webhook_id)
    await forget(connection, owner_of(author.tenant_id, webhook_id))
    await audit.record(connection, author.tenant_id, author.name, "webhook_deleted", _KIND, webhook_id)


async def list_deliveries(
    database: Database, tenant_id: str, webhook_id: str, status: str | None, before: tuple[Any, ...] | None, limit: int
) -> list[Row]:
    """A page of a webhook's log before the key `(created_at, delivery_id)`."""
    before_time, before_id = before or (None, None)
    parameters = {
        "webhook_id": webhook_id,
        "statuses": _OUTCOMES if status is None else [status],
        "before_time": before_time,
        "before_id": before_id,
        "limit": limit,
    }
    return await database.tenant_rows(tenant_id, "webhook_delivery", "list_deliveries", parameters, prepare=False)


async def redeliver(connection: Connection, author: Author, webhook_id: str, delivery_id: str) -> Row:
    """Send one delivery again, in the open transaction. Raises NotFound."""
    key = {"tenant_id": author.tenant_id, "webhook_id": webhook_id, "delivery_id": delivery_id}
    row = await fetch_one(connection, "webhook_delivery", "redeliver", key)
    if row is None:
        raise NotFound("delivery", delivery_id)
    await fetch_all(connection, "webhook_delivery", "unblock", key)
    return row


def _found(row: Row | None, webhook_id: str) -> Row:
    if row is None:
        raise NotFound("webhook", webhook_id)
    return row


def _unknown_agent(values: WebhookValues) -> InvalidRequest:
    return InvalidRequest(("body", "agent_id"), f"there is no agent {values.agent_id!r}")
