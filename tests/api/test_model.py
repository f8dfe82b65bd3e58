"""The registry of models, workers, tools, health."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from agent_runtime.api.app import create_app
from agent_runtime.config import load
from agent_runtime.domain.agent_config import BUILT_IN_TOOLS, DEVELOPER_TOOLS
from tests.api.stand_in_worker import WORKER_ID, StandInWorker
from tests.support.waiting import eventually


@pytest.fixture
async def filled(api: httpx.AsyncClient) -> httpx.AsyncClient:
    """The client, once the registry holds what is known beforehand."""

    async def scripted() -> bool:
        return len((await api.get("/v1/models?provider=scripted")).json()["items"]) > 2

    await eventually(scripted, "the catalog")
    return api


async def test_what_was_set_by_hand_survives_discovery(filled: httpx.AsyncClient) -> None:
    path = "/v1/models/scripted/default"
    changed = await filled.patch(path, json={"input_price": 7, "context_window": 1000})
    assert (changed.json()["input_price"], changed.json()["price_source"]) == (7, "manual")
    found = await filled.post("/v1/models/discover")
    assert found.status_code == 200
    again = (await filled.get("/v1/models?provider=scripted")).json()["items"]
    by_hand = next(model for model in again if model["model_id"] == "default")
    assert (by_hand["input_price"], by_hand["context_window"]) == (7, 1000)


async def test_a_window_set_by_hand_leaves_the_prices_to_discovery(filled: httpx.AsyncClient) -> None:
    path = "/v1/models/scripted/default"
    before = (await filled.patch(path, json={})).json()
    changed = (await filled.patch(path, json={"context_window": 1000, "display_name": "Ours"})).json()
    assert (changed["context_window"], changed["price_source"]) == (1000, before["price_source"])
    await filled.post("/v1/models/discover")
    kept = (await filled.patch(path, json={})).json()
    assert (kept["context_window"], kept["display_name"]) == (1000, "Ours")


async def test_null_gives_a_value_back_to_discovery_and_a_price_is_unknown_until_then(
    filled: httpx.AsyncClient,
) -> None:
    path = "/v1/models/scripted/default"
    before = (await filled.patch(path, json={})).json()
    prices = {"input_price": 7, "output_price": 9}
    assert (await filled.patch(path, json=prices)).json()["price_source"] == "manual"
    lifted = (await filled.patch(path, json=dict.fromkeys(prices))).json()
    assert (lifted["input_price"], lifted["output_price"], lifted["price_source"]) == (None, None, "unknown")
    await filled.post("/v1/models/discover")
    assert (await filled.patch(path, json={})).json() == before


async def test_providers_are_asked_again_once_a_day(
    filled: httpx.AsyncClient, app: FastAPI, worker: StandInWorker
) -> None:
    path = "/v1/models/scripted/default"
    price = (await filled.patch(path, json={})).json()["input_price"]
    registry = app.state.runtime.models
    await filled.post("/v1/models/discover")
    worker.execute("update par.models set input_price = 5 where provider = 'scripted' and model_id = 'default'")
    await registry.discover_when_due()
    assert (await filled.patch(path, json={})).json()["input_price"] == 5
    worker.execute("update par.providers set discovered_at = discovered_at - interval '25 hours'")
    await registry.discover_when_due()
    assert (await filled.patch(path, json={})).json()["input_price"] == price


async def test_models_are_added_changed_and_deleted(filled: httpx.AsyncClient) -> None:
    body = {"provider": "openai", "model_id": "team/own-model", "input_price": 1}
    made = await filled.post("/v1/models", json=body)
    assert (made.status_code, made.json()["price_source"], made.json()["output_price"]) == (201, "manual", None)
    assert (await filled.post("/v1/models", json=body)).status_code == 409
    assert (await filled.patch("/v1/models/openai/team/own-model", json={"is_active": False})).json()[
        "is_active"
    ] is False
    assert (await filled.delete("/v1/models/openai/team/own-model")).status_code == 204
    assert (await filled.delete("/v1/models/openai/team/own-model")).status_code == 404
    for wrong in ({"input_price": -1}, {"input_price": True}, {"context_window": 0}, {"colour": 1}):
        assert (await filled.patch("/v1/models/scripted/default", json=wrong)).status_code == 422


async def test_workers_are_listed_and_asked_to_drain(api: httpx.AsyncClient, worker: StandInWorker) -> None:
    listed = (await api.get("/v1/workers")).json()["items"]
    assert [(each["worker_id"], each["status"], each["pool"]) for each in listed] == [(WORKER_ID, "online", "shared")]
    health = (await api.get("/v1/health")).json()
    assert health["active_workers"] == 1
    assert health["schema_version"] >= "0011"
    drained = await api.post(f"/v1/workers/{WORKER_ID}/drain")
    assert (drained.status_code, drained.json()["status"]) == (200, "draining")
    worker.execute("update par.worker_sessions set lease_expires_at = par.now() - interval '1 second'")
    assert (await api.get("/v1/workers")).json()["items"][0]["status"] == "offline"
    assert (await api.post("/v1/workers/nobody/drain")).status_code == 404


async def test_health_counts_what_waits(api: httpx.AsyncClient, task: str) -> None:
    body = (await api.get("/v1/health")).json()
    assert (body["status"], body["database"], body["queued_tasks"]) == ("degraded", "ok", 1)
    assert (await api.get("/v1/health/live")).status_code == 200
    assert (await api.get("/v1/health/ready")).status_code == 200
    assert "par_queued_tasks 1.0" in (await api.get("/metrics")).text


async def test_tools_and_human_requests_are_listed(api: httpx.AsyncClient) -> None:
    names = [tool["name"] for tool in (await api.get("/v1/tools")).json()["items"]]
    assert names == sorted(BUILT_IN_TOOLS)
    assert (await api.get("/v1/human-requests")).json() == {"items": [], "next_cursor": None}


async def test_developer_controls_do_not_exist_unless_they_are_on(database_url: str, tmp_path: Path) -> None:
    app = create_app(load({"PAR_DATABASE_URL": database_url, "PAR_DISCOVERY": "off"}, tmp_path))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as api:
            path = "/v1/dev/tasks/019af0d0-0000-7000-8000-000000000000/expire-lease"
            assert (await api.post(path)).json()["detail"] == "there is nothing at this path"
            names = [tool["name"] for tool in (await api.get("/v1/tools")).json()["items"]]
            assert names == sorted(BUILT_IN_TOOLS - DEVELOPER_TOOLS)
