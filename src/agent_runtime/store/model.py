"""The operator's registry of providers and models."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from agent_runtime.domain.errors import Conflict, NotFound
from agent_runtime.store.database import Database, Row, fetch_all, fetch_one


async def list_models(
    database: Database, provider: str | None, is_active: bool | None, after: tuple[Any, ...] | None, limit: int
) -> list[Row]:
    """A page of models after the key `(provider, model_id)`."""
    after_provider, after_id = after or (None, None)
    parameters = {
        "provider": provider,
        "is_active": is_active,
        "after_provider": after_provider,
        "after_id": after_id,
        "limit": limit,
    }
    return await database.fetch_all("model", "list_models", parameters)


async def get_model(connection: AsyncConnection[DictRow], provider: str, model_id: str) -> Row:
    """One model. Raises NotFound."""
    row = await fetch_one(connection, "model", "get_model", {"provider": provider, "model_id": model_id})
    if row is None:
        raise NotFound("model", f"{provider}/{model_id}")
    return row


async def lock_model(connection: AsyncConnection[DictRow], provider: str, model_id: str) -> Row:
    """One model with `set_by_hand`, locked until the transaction ends. Raises NotFound."""
    row = await fetch_one(connection, "model", "lock_model", {"provider": provider, "model_id": model_id})
    if row is None:
        raise NotFound("model", f"{provider}/{model_id}")
    return row


async def asked_lately(database: Database, providers: Sequence[str]) -> bool:
    """Whether some process has asked each of these providers for its models within the last day."""
    row = await database.fetch_one("model", "asked_lately", {"providers": list(providers)})
    return bool(row and row["lately"])


async def is_known(database: Database, provider: str, model_id: str) -> tuple[bool, bool]:
    """Whether the model is in the registry, and whether any model of its provider is."""
    row = await database.fetch_one("model", "known", {"provider": provider, "model_id": model_id})
    return (row["model_known"], row["provider_known"]) if row else (False, False)


async def insert_model(connection: AsyncConnection[DictRow], values: Mapping[str, Any]) -> None:
    """Add a model. Raises Conflict when it is there already."""
    if await fetch_one(connection, "model", "insert_model", dict(values)) is None:
        raise Conflict(f"model_id: {values['provider']}/{values['model_id']} is in the registry already: change it")


async def update_model(connection: AsyncConnection[DictRow], values: Mapping[str, Any]) -> None:
    """Set all values of a model."""
    await fetch_all(connection, "model", "update_model", dict(values))


async def delete_model(connection: AsyncConnection[DictRow], provider: str, model_id: str) -> None:
    """Forget a model."""
    await fetch_all(connection, "model", "delete_model", {"provider": provider, "model_id": model_id})


async def fill(database: Database, models: Sequence[Mapping[str, Any]], providers: Sequence[Mapping[str, Any]]) -> bool:
    """Upsert what was found, unless another process is at it; False in that case."""
    async with database.transaction() as connection:
        lock = await fetch_one(connection, "model", "try_lock")
        if not lock or not lock["locked"]:
            return False
        await fetch_all(connection, "model", "upsert_models", {"models": json.dumps(list(models))})
        for provider in providers:
            await fetch_all(connection, "model", "upsert_provider", dict(provider))
        return True
