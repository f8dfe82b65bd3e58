"""API keys. Of a key only its hash is kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from agent_runtime.domain.api_key import NewKey
from agent_runtime.domain.errors import InvalidRequest, NotFound, StartFailed
from agent_runtime.store.database import Connection, Database, Row, connection_options, fetch_all, fetch_one
from agent_runtime.store.queries import query
from agent_runtime.store.tenant import operator_transaction


async def find(database: Database, key_id: str) -> Row | None:
    """The live key of this id with its hashes, whosever it is; None when there is none."""
    async with operator_transaction(database) as connection:
        return await fetch_one(connection, "api_key", "find", {"key_id": key_id})


async def tenant_of(database: Database, key_id: str) -> str:
    """Whose a key is. Raises NotFound."""
    async with operator_transaction(database) as connection:
        row = await fetch_one(connection, "api_key", "tenant_of", {"key_id": key_id})
    if row is None:
        raise NotFound("api key", key_id)
    return str(row["tenant_id"])


def require_live_key(url: str, host: str) -> None:
    """Raise StartFailed unless somebody could be let in by a key where others can reach the server."""
    reachable = f"PAR_HOST is {host}, which others can reach"
    try:
        found = _any_live_key(url)
    except psycopg.Error as error:
        reason = str(error).strip().partition("\n")[0]
        raise StartFailed(
            f"{reachable}, and the database does not tell whether there is an API key: {reason}"
        ) from None
    if not found:
        raise StartFailed(
            f"{reachable}, but there is no API key yet: start on 127.0.0.1 first and make one with"
            " `par key create --role admin`, or set PAR_AUTH=required"
        )


def _any_live_key(url: str) -> bool:
    with psycopg.connect(url, **connection_options("par_api", "par-start")) as connection, connection.transaction():
        connection.execute(query("tenant", "set_operator"))
        row = connection.execute(query("api_key", "any_live")).fetchone()
    return bool(row and row[0])


async def insert(
    connection: Connection, tenant_id: str, key: NewKey, granted: dict[str, Any], expires_at: datetime | None
) -> None:
    """Add a key; `granted` are its name, scopes, roles and who made it. Raises InvalidRequest for a past expiry."""
    parameters = {
        "tenant_id": tenant_id,
        "key_id": key.key_id,
        "secret_hash": key.secret_hash,
        "expires_at": expires_at,
        **granted,
    }
    if await fetch_one(connection, "api_key", "insert", parameters) is None:
        raise InvalidRequest(("body", "expires_at"), "must lie in the future")


async def get(connection: Connection, tenant_id: str, key_id: str) -> Row:
    """One key, locked until the transaction ends. Raises NotFound."""
    row = await fetch_one(connection, "api_key", "get", {"tenant_id": tenant_id, "key_id": key_id})
    if row is None:
        raise NotFound("api key", key_id)
    return row


async def rotate(connection: Connection, tenant_id: str, key: NewKey, grace_seconds: int) -> None:
    """Give a key a new secret; the one before is taken for `grace_seconds` more."""
    parameters = {"tenant_id": tenant_id, "key_id": key.key_id, "secret_hash": key.secret_hash}
    await fetch_all(connection, "api_key", "rotate", parameters | {"grace_seconds": grace_seconds})


async def revoke(connection: Connection, tenant_id: str, key_id: str) -> bool:
    """End a key; False when it had ended already."""
    return await fetch_one(connection, "api_key", "revoke", {"tenant_id": tenant_id, "key_id": key_id}) is not None


async def page(database: Database, tenant_id: str, after: tuple[Any, ...] | None, limit: int) -> list[Row]:
    """A page of keys after the key `(created_at, key_id)`."""
    after_time, after_id = after or (None, None)
    parameters = {"after_time": after_time, "after_id": after_id, "limit": limit}
    return await database.tenant_rows(tenant_id, "api_key", "page", parameters)


async def touch(database: Database, tenant_id: str, key_ids: Sequence[str]) -> None:
    """Note that these keys of a tenant were used."""
    await database.tenant_rows(tenant_id, "api_key", "touch", {"key_ids": list(key_ids)})
