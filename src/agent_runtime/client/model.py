"""The model registry over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from agent_runtime.client.connection import Connection, JsonObject, QueryValue, segment


class ModelCalls:
    """`client.models`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, filters: dict[str, QueryValue] | None = None, limit: int | None = None) -> AsyncIterator[JsonObject]:
        return self._connection.items("/v1/models", filters or {}, limit)

    async def set_key(self, provider: str, api_key: str) -> JsonObject:
        """Keep a provider's key on the server; it is sealed there and never shown again."""
        kept: JsonObject = await self._connection.put(f"/v1/providers/{segment(provider)}/key", {"api_key": api_key})
        return kept

    async def delete_key(self, provider: str) -> None:
        """Have the server forget a provider's key."""
        await self._connection.delete(f"/v1/providers/{segment(provider)}/key")

    async def change(self, provider: str, model_id: str, changes: JsonObject) -> JsonObject:
        """Set values by hand; null gives one back to discovery."""
        changed: JsonObject = await self._connection.patch(_path(provider, model_id), changes)
        return changed

    async def create(self, model: JsonObject) -> JsonObject:
        """Add a model by hand."""
        created: JsonObject = await self._connection.post("/v1/models", model)
        return created

    async def delete(self, provider: str, model_id: str) -> None:
        """Take a model out of the registry; discovery brings back what its provider lists."""
        await self._connection.delete(_path(provider, model_id))

    async def discover(self) -> Any:
        """Ask each configured provider again for its models."""
        return await self._connection.post("/v1/models/discover")


def _path(provider: str, model_id: str) -> str:
    """A model's id may hold slashes, which stay as they are."""
    return f"/v1/models/{segment(provider)}/{'/'.join(segment(part) for part in model_id.split('/'))}"
