"""First answers under an Idempotency-Key, written in the transaction of what they guard."""

import json
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from agent_runtime.domain.errors import InvalidRequest
from agent_runtime.store.database import Database, fetch_one


@dataclass(frozen=True)
class RequestKey:
    """A client's key and the hash of the request that it stands for."""

    key: str
    request_hash: bytes


@dataclass(frozen=True)
class KeptAnswer:
    """What was answered the first time; of the fields `shown_once` no value is kept, and a repeat has null there."""

    status_code: int
    response: Any
    shown_once: tuple[str, ...] = ()


async def take(connection: AsyncConnection[DictRow], tenant_id: str, request: RequestKey) -> bool:
    """Take the key within the open transaction; False when an earlier request has it."""
    parameters = {"tenant_id": tenant_id, "idempotency_key": request.key, "request_hash": request.request_hash}
    return await fetch_one(connection, "idempotency", "take", parameters) is not None


async def keep(connection: AsyncConnection[DictRow], tenant_id: str, request: RequestKey, answer: KeptAnswer) -> None:
    """Store the answer of the action that took the key."""
    parameters = {
        "tenant_id": tenant_id,
        "idempotency_key": request.key,
        "status_code": answer.status_code,
        "response": json.dumps(answer.response),
    }
    await connection.execute(_query_keep(), parameters)


async def read(database: Database, tenant_id: str, request: RequestKey) -> KeptAnswer | None:
    """The first answer under the key; None when nobody has used it.

    Raises InvalidRequest when the key was used for another request.
    """
    row = await database.tenant_row(tenant_id, "idempotency", "read", {"idempotency_key": request.key})
    if row is None or row["status_code"] is None:
        return None
    if bytes(row["request_hash"]) != request.request_hash:
        raise InvalidRequest(
            ("header", "Idempotency-Key"), "this key was used for another request: send a new key with a new body"
        )
    return KeptAnswer(row["status_code"], row["response"])


def _query_keep() -> bytes:
    from agent_runtime.store.queries import query

    return query("idempotency", "keep")
