"""The worker registry over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

from agent_runtime.client.connection import Connection, JsonObject, segment


class WorkerCalls:
    """`client.workers`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, limit: int | None = None) -> AsyncIterator[JsonObject]:
        return self._connection.items("/v1/workers", {}, limit)

    async def drain(self, worker_id: str) -> JsonObject:
        """Have it stop claiming, hand its tasks over and exit."""
        worker: JsonObject = await self._connection.post(f"/v1/workers/{segment(worker_id)}/drain", None)
        return worker
