"""Tenants. Only the operator of the whole system makes them and sees more than one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from agent_runtime.domain.errors import Conflict
from agent_runtime.store.database import Connection, Database, Row, fetch_all, fetch_one


@asynccontextmanager
async def operator_transaction(database: Database) -> AsyncIterator[Connection]:
    """A transaction that sees all tenants and all API keys, but no other table's rows."""
    async with database.transaction() as connection:
        await fetch_all(connection, "tenant", "set_operator")
        yield connection


async def insert_tenant(connection: Connection, tenant_id: str, display_name: str) -> Row:
    """Add a tenant in the open transaction. Raises Conflict when its id is taken."""
    await fetch_all(connection, "tenant", "set_operator")
    row = await fetch_one(connection, "tenant", "insert_tenant", {"tenant_id": tenant_id, "display_name": display_name})
    if row is None:
        raise Conflict(f"tenant_id: there is already a tenant {tenant_id!r}")
    return row


async def tenant_exists(database: Database, tenant_id: str) -> bool:
    """Whether there is a tenant of this id."""
    return await database.tenant_row(tenant_id, "tenant", "get_tenant") is not None


async def list_tenants(database: Database, after: tuple[Any, ...] | None, limit: int) -> list[Row]:
    """A page of all tenants after the key `(created_at, tenant_id)`."""
    after_time, after_id = after or (None, None)
    parameters = {"after_time": after_time, "after_id": after_id, "limit": limit}
    async with operator_transaction(database) as connection:
        return await fetch_all(connection, "tenant", "list_tenants", parameters)
