"""Customers' tool servers over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from agent_runtime.client.connection import Connection, JsonObject, segment

_PATH = "/v1/tool-servers"


class ToolServerCalls:
    """`client.tool_servers`. Servers are named by id or, in `find`, by name."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, server: JsonObject) -> JsonObject:
        """Register a server; `auth_token` is written and never read."""
        created: JsonObject = await self._connection.post(_PATH, server)
        return created

    def list(self, limit: int | None = 50) -> AsyncIterator[JsonObject]:
        return self._connection.items(_PATH, {}, limit)

    async def get(self, server_id: str) -> JsonObject:
        server: JsonObject = await self._connection.get(f"{_PATH}/{segment(server_id)}")
        return server

    async def find(self, name_or_id: str) -> JsonObject | None:
        """The server of this name or id, as in a list; None when there is none."""
        async for server in self.list(limit=None):
            if name_or_id in (server["name"], server["server_id"]):
                return server
        return None

    async def replace(self, server_id: str, server: JsonObject) -> JsonObject:
        """Set a whole server; without `auth_token` the stored one stays."""
        replaced: JsonObject = await self._connection.put(f"{_PATH}/{segment(server_id)}", server)
        return replaced

    async def delete(self, server_id: str) -> None:
        await self._connection.send("DELETE", f"{_PATH}/{segment(server_id)}")

    async def discover(self, server_id: str) -> JsonObject:
        """Ask the server for its tools now."""
        found: JsonObject = await self._connection.post(f"{_PATH}/{segment(server_id)}/discover")
        return found

    async def approve(self, server_id: str, tools: Sequence[str | dict[str, Any]]) -> JsonObject:
        """Accept changed or new tools, by name or by `{"name", "hash"}`."""
        body = {"tools": list(tools)}
        server: JsonObject = await self._connection.post(f"{_PATH}/{segment(server_id)}/tools/approve", body)
        return server
