"""The OpenAPI document is up to date, and no request made from it breaks the server."""

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from agent_runtime.api.app import create_app, routes_of_all_rooms
from agent_runtime.api.openapi import build, main, written
from agent_runtime.config import load
from tests.api.conftest import AGENT
from tests.support.database import TestServer
from tests.support.waiting import eventually_sync

DOCUMENT = build(create_app(load({}, Path("/nonexistent"))))
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
CHECKS = (not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance)


def test_the_document_in_the_repository_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    assert main(["--check"]) == 0


def test_every_route_is_in_the_document_from_which_tests_are_made() -> None:
    served = {
        (method.lower(), re.sub(r":\w+}", "}", route.path))
        for route in routes_of_all_rooms()
        for method in route.methods or ()
    }
    described = {(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert served - described == {("get", "/docs"), ("get", "/openapi.json")}, "the document itself"
    tried = {(each.ok().method, each.ok().path) for each in SCHEMA.get_all_operations() if isinstance(each, Ok)}
    assert tried == described


async def test_every_reference_of_the_document_exists(app: FastAPI) -> None:
    document = build(app)
    names = {part.split('"')[0] for part in written(document).split("#/components/schemas/")[1:]}
    assert names <= set(document["components"]["schemas"])
    ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))


@pytest.fixture(scope="module")
def served(database_server: TestServer) -> Iterator[str]:
    """Address of a real server in a thread, with one agent and one task."""
    database_url = database_server.create_database()
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = create_app(
        load({"PAR_DATABASE_URL": database_url, "PAR_DISCOVERY": "off", "PAR_DEV_CONTROLS": "on"}, Path("/"))
    )
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        eventually_sync(lambda: server.started, "the server to start")
        httpx.post(f"{address}/v1/agents", json=AGENT).raise_for_status()
        httpx.post(f"{address}/v1/tasks", json={"agent_id": "research", "input": "x"}).raise_for_status()
        yield address
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        database_server.drop_database(database_url)


@SCHEMA.parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
def test_no_request_made_from_the_document_breaks_the_server(case: schemathesis.Case[Any], served: str) -> None:
    case.call_and_validate(base_url=served, checks=list(CHECKS), timeout=10)
