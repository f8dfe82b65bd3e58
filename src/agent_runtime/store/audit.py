"""Who did what, when and from where. Rows are only added, in the transaction of what they tell of."""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent_runtime.domain.audit import changed_part, redacted
from agent_runtime.domain.identifier import HIGHEST_ID, LOWEST_ID, highest_id_of, lowest_id_of, new_id
from agent_runtime.store.database import Connection, Database, Row, fetch_all


@dataclass(frozen=True)
class Origin:
    """Where a request came from."""

    address: str | None
    request_id: str | None


_UNKNOWN = Origin(None, None)
ORIGIN: ContextVar[Origin] = ContextVar("ORIGIN", default=_UNKNOWN)


@dataclass(frozen=True)
class AuditFilter:
    """Which rows; None does not narrow."""

    actor: str | None = None
    action: str | None = None
    object_kind: str | None = None
    object_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


async def record(
    connection: Connection,
    tenant_id: str,
    actor: str,
    action: str,
    object_kind: str,
    object_id: str | None,
    before: Any = None,
    after: Any = None,
) -> None:
    """Add a row in the open transaction of `tenant_id`.

    `action` is what was done, as `agent_updated`. Of `before` and `after` only what differs is kept, without secrets.
    """
    origin = ORIGIN.get()
    was, became = changed_part(before, after)
    parameters = {
        "tenant_id": tenant_id,
        "audit_id": new_id(),
        "actor": actor,
        "action": action,
        "object_kind": object_kind,
        "object_id": object_id,
        "address": origin.address,
        "request_id": origin.request_id,
        "before": _json(was),
        "after": _json(became),
    }
    await fetch_all(connection, "audit", "record", parameters)


async def record_alike(
    connection: Connection,
    tenant_id: str,
    actor: str,
    action: str,
    object_kind: str,
    changes: Mapping[str, tuple[Any, Any]],
) -> None:
    """Add a row for each object that one request changed alike: `changes` are before and after by the object's id."""
    async with connection.pipeline():
        for object_id, (before, after) in changes.items():
            await record(connection, tenant_id, actor, action, object_kind, object_id, before, after)


async def page(database: Database, tenant_id: str, chosen: AuditFilter, before_id: str | None, limit: int) -> list[Row]:
    """Rows of a tenant, the newest first."""
    parameters = {
        "actor": chosen.actor,
        "action": chosen.action,
        "object_kind": chosen.object_kind,
        "object_id": chosen.object_id,
        "before_id": before_id or (highest_id_of(chosen.created_before) if chosen.created_before else HIGHEST_ID),
        "from_id": lowest_id_of(chosen.created_after) if chosen.created_after else LOWEST_ID,
        "limit": limit,
    }
    return await database.tenant_rows(tenant_id, "audit", "page", parameters, prepare=False)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(redacted(value), default=str)
