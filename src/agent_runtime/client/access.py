"""API keys, tenants and the audit log over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from agent_runtime.client.connection import Connection, JsonObject, QueryValue, segment


class KeyCalls:
    """`client.keys`. The secret of a key is answered once, as `key`, when it is made or rotated."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, key: JsonObject) -> JsonObject:
        """Make a key: `{"name", "scopes", "roles", "expires_at", "tenant_id"}`."""
        made: JsonObject = await self._connection.post("/v1/api-keys", key)
        return made

    def list(self, tenant_id: str | None = None, limit: int | None = None) -> AsyncIterator[JsonObject]:
        return self._connection.items("/v1/api-keys", {"tenant_id": tenant_id}, limit)

    async def rotate(self, key_id: str, grace_seconds: int | None = None) -> JsonObject:
        """Give a key a new secret; the old one is taken for `grace_seconds` more."""
        body = {} if grace_seconds is None else {"grace_seconds": grace_seconds}
        rotated: JsonObject = await self._connection.post(f"/v1/api-keys/{segment(key_id)}/rotate", body)
        return rotated

    async def revoke(self, key_id: str) -> None:
        await self._connection.send("DELETE", f"/v1/api-keys/{segment(key_id)}")


class TenantCalls:
    """`client.tenants`, for the operator."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, tenant_id: str, display_name: str | None = None) -> JsonObject:
        body = {"tenant_id": tenant_id, **({"display_name": display_name} if display_name else {})}
        made: JsonObject = await self._connection.post("/v1/tenants", body)
        return made

    def list(self, limit: int | None = None) -> AsyncIterator[JsonObject]:
        return self._connection.items("/v1/tenants", {}, limit)


class AuditCalls:
    """`client.audit`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, filters: Mapping[str, QueryValue], limit: int | None = 50) -> AsyncIterator[JsonObject]:
        """What was done, newest first; filters `actor`, `action`, `object_kind`, `object_id`."""
        return self._connection.items("/v1/audit", filters, limit)
