"""Every route asks for the scope that the contract's table says, and each role gets through exactly where it should."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from agent_runtime.api.app import create_app, routes_of_all_rooms
from agent_runtime.api.scope_guard import is_shared, scope_of
from agent_runtime.config import load
from agent_runtime.domain.access import ROLES
from agent_runtime.store.database import Database
from tests.api.access import client_with, locked_settings, make_key
from tests.support.tasks import TaskBook

# The contract's table. A route that no line covers is not let through by this test: add the line that is meant.
TABLE = (
    (r"GET /v1/health/(live|ready)", "open"),
    (r"\w+ /v1/(api-keys|audit|tenants)(/.*)?", "admin"),
    (r"GET .*", "read"),
    (r"POST /v1/(tasks|tasks/batch|dead-letters/redrive)", "submit"),
    (r"POST /v1/tasks/{task_id}/(follow-up|fork|cancel|redrive|resume)", "submit"),
    (r"POST /v1/tasks/{task_id}/(approve|reject|respond)", "approve"),
    (r"\w+ /v1/(agents|tool-servers|langfuse-endpoints|webhooks|models|memories|sandboxes)(/.*)?", "configure"),
    (r"\w+ /v1/(workers|dev|retention|providers|master-key|secrets)(/.*)?", "admin"),
)
SHARED = re.compile(
    r"(POST|PATCH|DELETE) /v1/models.*|(PUT|DELETE) /v1/providers/.*|POST /v1/workers/.*|\w+ /v1/tenants.*"
    r"|.* /v1/master-key.*"
)


def operations() -> Iterator[tuple[str, str, APIRoute]]:
    create_app(load({"PAR_ENV_FILE": ""}))
    for route in routes_of_all_rooms():
        for method in sorted(route.methods or ()):
            yield method, route.path, route


ALL = list(operations())


@pytest.mark.parametrize(("method", "path", "route"), ALL, ids=[f"{method} {path}" for method, path, _ in ALL])
def test_a_route_asks_for_the_scope_of_the_table(method: str, path: str, route: APIRoute) -> None:
    meant = [scope for pattern, scope in TABLE if re.fullmatch(pattern, f"{method} {path}")]
    assert meant, "say in TABLE which scope this route asks for"
    assert scope_of(route) == meant[0]
    if not path.startswith("/v1/dev/") and method != "GET":
        assert "x-scope" in (route.openapi_extra or {}), "a route that changes something names its scope"
    if SHARED.fullmatch(f"{method} {path}"):
        assert is_shared(route)


@pytest.fixture
async def locked(database_url: str) -> AsyncIterator[FastAPI]:
    app = create_app(locked_settings(database_url, rate_limit_per_key="0", rate_limit_per_tenant="0"))
    async with app.router.lifespan_context(app):
        yield app


def filled(path: str) -> str:
    """The path with ids that do not exist."""
    return re.sub(r"{(\w+)(:path)?}", lambda name: "1" if name[1] == "version" else "nothing", path)


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_a_role_gets_through_exactly_where_its_scopes_say(locked: FastAPI, role: str, database_url: str) -> None:
    key = await make_key(locked.state.runtime.database, "default", [role])
    wrong: list[tuple[str, str, int]] = []
    refused = 0
    async with client_with(locked, key) as client:
        for method, path, route in ALL:
            scope = scope_of(route)
            body: dict[str, Any] = {} if method == "GET" else {"json": {"no such field": 1}}
            status = (await client.request(method, filled(path), **body)).status_code
            allowed = scope == "open" or scope in ROLES[role]
            refused += not allowed
            if (status == 403) == allowed:
                wrong.append((method, path, status))
    assert wrong == []
    rows = TaskBook(database_url).rows("select count(*) as n from par.audit_log where action = 'access_denied'")
    assert rows[0]["n"] == refused


async def test_a_key_of_a_tenant_never_changes_what_all_share(locked: FastAPI) -> None:
    database: Database = locked.state.runtime.database
    key = await make_key(database, "acme", ["admin"])
    async with client_with(locked, key) as client:
        for method, path, route in ALL:
            if is_shared(route):
                assert (await client.request(method, filled(path), json={})).status_code == 403, path
