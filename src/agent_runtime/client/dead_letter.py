"""Dead letters over HTTP: what failed for good, and sending it round again."""

from __future__ import annotations

from collections.abc import AsyncIterator

from agent_runtime.client.connection import Connection, JsonObject, QueryValue


class DeadLetterCalls:
    """`client.dead_letters`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, filters: dict[str, QueryValue], limit: int | None = 50) -> AsyncIterator[JsonObject]:
        """Dead letters, newest first; filters `agent_id`, `reason`, `fingerprint`."""
        return self._connection.items("/v1/dead-letters", filters, limit)

    def groups(self, agent_id: str | None = None, limit: int | None = 50) -> AsyncIterator[JsonObject]:
        """Dead letters by their cause, the one seen last first: fingerprint, count, first and last seen, an example."""
        return self._connection.items("/v1/dead-letters/groups", {"agent_id": agent_id}, limit)

    async def redrive(self, selection: JsonObject) -> JsonObject:
        """Redrive many: `{"task_ids": [...]}` or `{"fingerprint", "agent_id", "limit"}`; answers what was done."""
        answer: JsonObject = await self._connection.post("/v1/dead-letters/redrive", selection)
        return answer
