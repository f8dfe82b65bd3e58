"""A server that asks for keys, and callers that have them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from agent_runtime.config import Settings, load
from agent_runtime.domain.api_key import new_key
from agent_runtime.secret_box import new_master_key
from agent_runtime.store import api_key as store
from agent_runtime.store.database import Database
from agent_runtime.store.tenant import insert_tenant, tenant_exists

OPERATOR_KEY = "operator-operator-operator-operator"
MASTER_KEY = new_master_key()


def locked_settings(database_url: str, **changes: str) -> Settings:
    """Settings of a server that lets nobody in without a key."""
    environment = {
        "PAR_DATABASE_URL": database_url,
        "PAR_DEV_CONTROLS": "on",
        "PAR_DISCOVERY": "off",
        "PAR_AUTH": "required",
        "PAR_OPERATOR_KEY": OPERATOR_KEY,
        "PAR_MASTER_KEY": MASTER_KEY,
        **{f"PAR_{name.upper()}": value for name, value in changes.items()},
    }
    return load(environment, Path("/nonexistent"))


def client_with(app: FastAPI, key: str | None, address: str = "192.0.2.7") -> httpx.AsyncClient:
    """A client that sends this key."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(address, 5000))
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(transport=transport, base_url="http://par.example", headers=headers, timeout=15)


async def make_key(
    database: Database,
    tenant_id: str = "default",
    roles: Iterable[str] = (),
    scopes: Iterable[str] = (),
    name: str = "test",
) -> str:
    """A key of a tenant, which is made when it is missing."""
    if not await tenant_exists(database, tenant_id):
        async with database.transaction() as connection:
            await insert_tenant(connection, tenant_id, tenant_id)
    key = new_key()
    granted: dict[str, Any] = {"name": name, "scopes": list(scopes), "roles": list(roles), "created_by": "test"}
    async with database.transaction(tenant_id) as connection:
        await store.insert(connection, tenant_id, key, granted, None)
    return key.text
