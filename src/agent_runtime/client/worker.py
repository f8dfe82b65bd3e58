"""The worker registry over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

from agent_runtime.client.connection import Connection, JsonObject


class WorkerCalls:
    """`client.workers`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, limit: int | None = None) -> AsyncIterator[JsonObject]:
        return self._connection.items("/v1/workers", {}, limit)
