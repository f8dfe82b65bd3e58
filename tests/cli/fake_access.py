"""Keys, tenants and the audit log of the fake server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class AccessState:
    """What was made so far."""

    keys: dict[str, Json] = field(default_factory=dict)
    tenants: list[Json] = field(default_factory=lambda: [{"tenant_id": "default", "display_name": "Default"}])


def access_answer(method: str, parts: list[str], query: Json, body: Any, state: AccessState) -> tuple[int, Any]:
    """Status and body of the answer to a request about access."""
    if parts[0] == "tenants":
        return _tenants(method, body, state)
    if parts[0] == "audit":
        row = {"actor": "operator", "action": "agent_created", "object_kind": "agent", "object_id": "research"}
        return 200, _page([row])
    if method == "GET":
        wanted = query.get("tenant_id", ["default"])[0]
        return 200, _page([key for key in state.keys.values() if key["tenant_id"] == wanted])
    if method == "DELETE":
        state.keys[parts[1]]["status"] = "revoked"
        return 204, None
    key_id = parts[1] if len(parts) > 1 else f"{len(state.keys):016x}"
    if len(parts) == 1:
        tenant_id = body.get("tenant_id", "default")
        state.keys[key_id] = {"key_id": key_id, "tenant_id": tenant_id, "status": "active", "scopes": body["scopes"]}
    return 201, {**state.keys[key_id], "key": f"par_{key_id}_secret"}


def _tenants(method: str, body: Any, state: AccessState) -> tuple[int, Any]:
    if method == "GET":
        return 200, _page(state.tenants)
    state.tenants.append(body)
    return 201, body


def _page(rows: list[Json]) -> Json:
    return {"items": rows, "next_cursor": None}
