"""No page of another origin is given a way in: no answer allows it, whether the server asks for keys or not."""

import httpx
import pytest
from fastapi import FastAPI

from agent_runtime.api.app import create_app
from tests.api.access import client_with, locked_settings, make_key

ORIGINS = ("https://evil", "null", "https://par.example.evil", "http://par.example@evil", "http://localhost.evil")


def allows(answer: httpx.Response) -> list[str]:
    return [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("origin", ORIGINS)
async def test_a_server_with_keys_allows_no_origin(database_url: str, origin: str) -> None:
    app: FastAPI = create_app(locked_settings(database_url))
    async with app.router.lifespan_context(app):
        key = await make_key(app.state.runtime.database, roles=["admin"])
        preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for given, expected in ((key, 200), (None, 401)):
            async with client_with(app, given) as client:
                answer = await client.get("/v1/tasks", headers={"Origin": origin})
                assert (answer.status_code, allows(answer)) == (expected, [])
                asked = await client.request("OPTIONS", "/v1/tasks", headers=preflight)
                assert asked.status_code in (401, 405)
                assert allows(asked) == []


@pytest.mark.parametrize("origin", ORIGINS)
async def test_a_server_without_keys_turns_other_origins_away(api: httpx.AsyncClient, origin: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        answer = await api.request(method, "/v1/tasks", headers={"Origin": origin})
        assert (answer.status_code, allows(answer)) == (403, [])


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
async def test_a_form_of_another_page_is_no_request(api: httpx.AsyncClient, kind: str) -> None:
    """A form needs no permission of the browser's; it cannot send the type of content that is asked for."""
    headers = {"Content-Type": kind, "Origin": "http://127.0.0.1:8080"}
    answer = await api.post("/v1/api-keys", content=b'{"roles":["admin"]}', headers=headers)
    assert answer.status_code == 415
