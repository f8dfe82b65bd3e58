"""Agents and the history of their configurations."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from agent_runtime.domain.errors import Conflict, NotFound
from agent_runtime.store.database import Database, Row, fetch_all, fetch_one

Connection = AsyncConnection[DictRow]


@dataclass(frozen=True)
class AgentValues:
    """What an agent is set to. Budgets are microdollars, None for no limit."""

    display_name: str
    agent_config: Mapping[str, Any]
    status: str
    max_concurrent_tasks: int
    budget_max_per_task: int | None
    budget_max_per_hour: int | None

    def columns(self) -> dict[str, Any]:
        """Parameters of the statements on `par.agents`."""
        return {name: value for name, value in self.__dict__.items() if name != "agent_config"}


async def get_agent(database: Database, tenant_id: str, agent_id: str) -> Row:
    """One agent. Raises NotFound."""
    row = await database.tenant_row(tenant_id, "agent", "get_agent", {"agent_id": agent_id})
    if row is None:
        raise NotFound("agent", agent_id)
    return row


async def read_agent(connection: Connection, tenant_id: str, agent_id: str) -> Row:
    """One agent within a transaction. Raises NotFound."""
    row = await fetch_one(connection, "agent", "get_agent", {"tenant_id": tenant_id, "agent_id": agent_id})
    if row is None:
        raise NotFound("agent", agent_id)
    return row


async def lock_agent(connection: Connection, tenant_id: str, agent_id: str) -> Row:
    """One agent, locked until the transaction ends. Raises NotFound."""
    row = await fetch_one(connection, "agent", "lock_agent", {"tenant_id": tenant_id, "agent_id": agent_id})
    if row is None:
        raise NotFound("agent", agent_id)
    return row


async def list_agents(
    database: Database, tenant_id: str, status: str | None, after: tuple[Any, ...] | None, limit: int
) -> list[Row]:
    """A page of agents after the key `(created_at, agent_id)`."""
    after_time, after_id = after or (None, None)
    parameters = {"status": status, "after_time": after_time, "after_id": after_id, "limit": limit}
    return await database.tenant_rows(tenant_id, "agent", "list_agents", parameters)


async def insert_agent(
    connection: Connection, tenant_id: str, agent_id: str, values: AgentValues, created_by: str
) -> None:
    """Create an agent with version 1 of its configuration. Raises Conflict when the id is taken."""
    parameters = {"tenant_id": tenant_id, "agent_id": agent_id, **values.columns()}
    if await fetch_one(connection, "agent", "insert_agent", parameters) is None:
        raise Conflict(f"agent_id: there is already an agent {agent_id!r}")
    await _insert_version(connection, parameters | {"config_version": 1}, values.agent_config, created_by)


async def update_agent(
    connection: Connection, tenant_id: str, current: Row, values: AgentValues, created_by: str
) -> None:
    """Give a locked agent new values; another configuration than before is added to its history."""
    key = {"tenant_id": tenant_id, "agent_id": current["agent_id"]}
    version = current["config_version"]
    if values.agent_config != current["agent_config"]:
        latest = await fetch_one(connection, "agent", "latest_version", key)
        version = (latest or {})["config_version"] + 1
        await _insert_version(connection, key | {"config_version": version}, values.agent_config, created_by)
    await fetch_all(connection, "agent", "update_agent", key | values.columns() | {"config_version": version})


async def list_versions(database: Database, tenant_id: str, agent_id: str, after: int, limit: int) -> list[Row]:
    """A page of an agent's configuration history. Raises NotFound for an unknown agent."""
    parameters = {"agent_id": agent_id, "after": after, "limit": limit}
    rows = await database.tenant_rows(tenant_id, "agent", "list_versions", parameters)
    if not rows:
        await get_agent(database, tenant_id, agent_id)
    return rows


async def get_version(database: Database, tenant_id: str, agent_id: str, config_version: int) -> dict[str, Any]:
    """One configuration out of the history. Raises NotFound."""
    parameters = {"agent_id": agent_id, "config_version": config_version}
    row = await database.tenant_row(tenant_id, "agent", "get_version", parameters)
    if row is None:
        raise NotFound("version", str(config_version))
    found: dict[str, Any] = row["agent_config"]
    return found


async def _insert_version(
    connection: Connection, key: Mapping[str, Any], agent_config: Mapping[str, Any], created_by: str
) -> None:
    parameters = {**key, "agent_config": json.dumps(agent_config), "created_by": created_by}
    await fetch_all(connection, "agent", "insert_version", parameters)
