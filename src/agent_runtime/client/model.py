"""The model registry over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from agent_runtime.client.connection import Connection, JsonObject, QueryValue


class ModelCalls:
    """`client.models`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, filters: dict[str, QueryValue] | None = None, limit: int | None = None) -> AsyncIterator[JsonObject]:
        return self._connection.items("/v1/models", filters or {}, limit)

    async def discover(self) -> Any:
        """Ask each configured provider again for its models."""
        return await self._connection.post("/v1/models/discover")
