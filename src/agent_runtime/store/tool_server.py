"""Customers' tool servers, and what was approved and last seen of their tools."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.errors import UniqueViolation

from agent_runtime.domain.errors import Conflict, NotFound
from agent_runtime.domain.tool_definition import ToolDefinition
from agent_runtime.store.database import Connection, Database, Row, fetch_all, fetch_one


@dataclass(frozen=True)
class ServerValues:
    """What a tool server is set to; its token is kept as a secret of `owner_of` it."""

    name: str
    url: str
    auth_type: str
    headers: Mapping[str, str]
    timeout_seconds: int
    status: str
    auth_token_set: bool

    def columns(self) -> dict[str, Any]:
        """Parameters of the statements on `par.tool_servers`."""
        return {**self.__dict__, "headers": json.dumps(dict(self.headers))}


async def insert_server(connection: Connection, tenant_id: str, server_id: str, values: ServerValues) -> None:
    """Register a server. Raises Conflict when its name is taken."""
    parameters = {"tenant_id": tenant_id, "server_id": server_id, **values.columns()}
    if await fetch_one(connection, "tool_server", "insert_server", parameters) is None:
        raise _name_taken(values.name)


async def read_server(connection: Connection, tenant_id: str, server_id: str, *, lock: bool = False) -> Row:
    """One server with `tools`, locked until the transaction ends when asked. Raises NotFound."""
    key = {"tenant_id": tenant_id, "server_id": server_id}
    row = await fetch_one(connection, "tool_server", "lock_server" if lock else "get_server", key)
    if row is None:
        raise NotFound("tool server", server_id)
    row["tools"] = await fetch_all(
        connection, "tool_server", "tools_of", {"tenant_id": tenant_id, "server_ids": [server_id]}
    )
    return row


async def agents_using(connection: Connection, tenant_id: str, name: str) -> list[str]:
    """Ids of agents whose configuration names the server, at most a hundred."""
    parameters = {"tenant_id": tenant_id, "names": json.dumps([name])}
    return [row["agent_id"] for row in await fetch_all(connection, "tool_server", "agents_using", parameters)]


async def list_servers(database: Database, tenant_id: str, after: tuple[Any, ...] | None, limit: int) -> list[Row]:
    """A page of servers with `tools`, after the key `(created_at, server_id)`."""
    after_time, after_id = after or (None, None)
    parameters = {"tenant_id": tenant_id, "after_time": after_time, "after_id": after_id, "limit": limit}
    async with database.transaction(tenant_id) as connection:
        rows = await fetch_all(connection, "tool_server", "list_servers", parameters)
        await _add_tools(connection, tenant_id, rows)
    return rows


async def update_server(connection: Connection, tenant_id: str, server_id: str, values: ServerValues) -> None:
    """Give a locked server new values. Raises Conflict when its new name is taken."""
    parameters = {"tenant_id": tenant_id, "server_id": server_id, **values.columns()}
    try:
        await fetch_all(connection, "tool_server", "update_server", parameters)
    except UniqueViolation:
        raise _name_taken(values.name) from None


async def delete_server(connection: Connection, tenant_id: str, server_id: str) -> Row:
    """Forget a server; answers what it was. Raises NotFound."""
    row = await fetch_one(connection, "tool_server", "delete_server", {"tenant_id": tenant_id, "server_id": server_id})
    if row is None:
        raise NotFound("tool server", server_id)
    return row


async def tools_by_server(database: Database, tenant_id: str, names: Sequence[str]) -> dict[str, int]:
    """For each of these names that is registered, how many tools an agent gets from it."""
    rows = await database.tenant_rows(tenant_id, "tool_server", "servers_named", {"names": list(names)})
    return {row["name"]: row["tools"] for row in rows}


async def connections_named(database: Database, tenant_id: str, names: Sequence[str]) -> list[Row]:
    """How to reach the servers of these names, with `tools` as they are approved and were last seen."""
    async with database.transaction(tenant_id) as connection:
        parameters = {"tenant_id": tenant_id, "names": list(names)}
        rows = await fetch_all(connection, "tool_server", "connections_named", parameters)
        await _add_tools(connection, tenant_id, rows)
    return rows


async def connection_of(database: Database, tenant_id: str, server_id: str) -> Row:
    """How to reach one server, with its `tools`. Raises NotFound."""
    async with database.transaction(tenant_id) as connection:
        key = {"tenant_id": tenant_id, "server_id": server_id}
        row = await fetch_one(connection, "tool_server", "connection_of", key)
        if row is None:
            raise NotFound("tool server", server_id)
        await _add_tools(connection, tenant_id, [row])
    return row


async def record_seen(database: Database, tenant_id: str, server_id: str, tools: Sequence[ToolDefinition]) -> list[Row]:
    """`keep_seen` in a transaction of its own."""
    async with database.transaction(tenant_id) as connection:
        return await keep_seen(connection, tenant_id, server_id, tools)


async def keep_seen(
    connection: Connection, tenant_id: str, server_id: str, tools: Sequence[ToolDefinition]
) -> list[Row]:
    """Keep what a server lists now, approve all of it when it is the first list; answers the tools as kept.

    Raises NotFound when the server was deleted meanwhile.
    """
    key = {"tenant_id": tenant_id, "server_id": server_id}
    seen = [
        {"name": tool.name, "place": place, "definition": tool.stored(), "hash": tool.hash}
        for place, tool in enumerate(tools)
    ]
    if await fetch_one(connection, "tool_server", "lock_tools", key) is None:
        raise NotFound("tool server", server_id)
    first = await fetch_one(connection, "tool_server", "pin_first", key) is not None
    parameters = {**key, "pinned": first, "tools": json.dumps(seen)}
    await fetch_all(connection, "tool_server", "record_seen", parameters)
    await fetch_all(connection, "tool_server", "record_gone", {**key, "names": [tool.name for tool in tools]})
    return await fetch_all(connection, "tool_server", "tools_of", {"tenant_id": tenant_id, "server_ids": [server_id]})


async def approve_tools(connection: Connection, tenant_id: str, server_id: str, names: Sequence[str]) -> None:
    """Make what was last seen of these tools the approved."""
    key = {"tenant_id": tenant_id, "server_id": server_id}
    await fetch_all(connection, "tool_server", "approve_tools", {**key, "names": list(names)})
    await fetch_all(connection, "tool_server", "touch_server", key)


async def _add_tools(connection: Connection, tenant_id: str, rows: Sequence[Row]) -> None:
    ids = [row["server_id"] for row in rows]
    tools = await fetch_all(connection, "tool_server", "tools_of", {"tenant_id": tenant_id, "server_ids": ids})
    for row in rows:
        row["tools"] = [tool for tool in tools if tool["server_id"] == row["server_id"]]


def _name_taken(name: str) -> Conflict:
    return Conflict(f"name: there is already a tool server {name!r}")
