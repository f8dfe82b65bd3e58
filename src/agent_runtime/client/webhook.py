"""Webhooks over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

from agent_runtime.client.connection import Connection, JsonObject, QueryValue, segment


class WebhookCalls:
    """`client.webhooks`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, webhook: JsonObject) -> JsonObject:
        """A new webhook, with the `secret` that signs; no other answer has it."""
        created: JsonObject = await self._connection.post("/v1/webhooks", webhook)
        return created

    def list(self, limit: int | None = None) -> AsyncIterator[JsonObject]:
        return self._connection.items("/v1/webhooks", {}, limit)

    async def get(self, webhook_id: str) -> JsonObject:
        webhook: JsonObject = await self._connection.get(_path(webhook_id))
        return webhook

    async def replace(self, webhook_id: str, webhook: JsonObject) -> JsonObject:
        """Set all values: `url`, `agent_id`, `events`, `status`."""
        replaced: JsonObject = await self._connection.put(_path(webhook_id), webhook)
        return replaced

    async def delete(self, webhook_id: str) -> None:
        await self._connection.delete(_path(webhook_id))

    async def rotate_secret(self, webhook_id: str, keep_previous_seconds: int = 86_400) -> JsonObject:
        """The webhook with its new `secret`; the one until now signs beside it for a while."""
        body = {"keep_previous_seconds": keep_previous_seconds}
        rotated: JsonObject = await self._connection.post(f"{_path(webhook_id)}/rotate-secret", body)
        return rotated

    def deliveries(
        self, webhook_id: str, filters: dict[str, QueryValue] | None = None, limit: int | None = 50
    ) -> AsyncIterator[JsonObject]:
        """The delivery log, newest first; `filters` may hold `status`."""
        return self._connection.items(f"{_path(webhook_id)}/deliveries", filters or {}, limit)

    async def redeliver(self, webhook_id: str, delivery_id: str) -> JsonObject:
        """Send one delivery again, under the same id."""
        path = f"{_path(webhook_id)}/deliveries/{segment(delivery_id)}/redeliver"
        delivery: JsonObject = await self._connection.post(path)
        return delivery


def _path(webhook_id: str) -> str:
    return f"/v1/webhooks/{segment(webhook_id)}"
