"""Agents over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

from agent_runtime.client.connection import Connection, JsonObject, segment
from agent_runtime.client.errors import RequestNotFound


class AgentCalls:
    """`client.agents`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, agent: JsonObject) -> JsonObject:
        created: JsonObject = await self._connection.post("/v1/agents", agent)
        return created

    async def get(self, agent_id: str) -> JsonObject:
        agent: JsonObject = await self._connection.get(f"/v1/agents/{segment(agent_id)}")
        return agent

    async def find(self, agent_id: str) -> JsonObject | None:
        """The agent, or None when there is none of that id."""
        try:
            return await self.get(agent_id)
        except RequestNotFound:
            return None

    async def replace(self, agent_id: str, agent: JsonObject) -> JsonObject:
        replaced: JsonObject = await self._connection.put(f"/v1/agents/{segment(agent_id)}", agent)
        return replaced

    async def update(self, agent_id: str, changes: JsonObject) -> JsonObject:
        """Change only what is given; `agent_config` is merged (RFC 7396)."""
        updated: JsonObject = await self._connection.patch(f"/v1/agents/{segment(agent_id)}", changes)
        return updated

    async def disable(self, agent_id: str) -> None:
        """The agent takes no new tasks; its queued ones wait."""
        await self._connection.delete(f"/v1/agents/{segment(agent_id)}")

    def versions(self, agent_id: str, limit: int | None = None) -> AsyncIterator[JsonObject]:
        """The configurations that the agent has had, oldest first."""
        return self._connection.items(f"/v1/agents/{segment(agent_id)}/versions", {}, limit)

    async def restore(self, agent_id: str, version: int) -> JsonObject:
        """Make an earlier configuration the current one again, as a new version."""
        path = f"/v1/agents/{segment(agent_id)}/versions/{version}/restore"
        restored: JsonObject = await self._connection.post(path)
        return restored

    def list(self, limit: int | None = 50) -> AsyncIterator[JsonObject]:
        return self._connection.items("/v1/agents", {}, limit)

    async def spend(self, agent_id: str) -> JsonObject:
        """What it spent in the last hour, today and in 30 days, by model, against its budgets (microdollars)."""
        spend: JsonObject = await self._connection.get(f"/v1/agents/{segment(agent_id)}/spend")
        return spend
