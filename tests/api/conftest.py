"""The API in this process, on a real database, without a network in between."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from agent_runtime.api.app import create_app
from agent_runtime.config import Settings, load
from tests.api.stand_in_worker import StandInWorker

AGENT: dict[str, Any] = {
    "agent_id": "research",
    "display_name": "Research",
    "agent_config": {"provider": "scripted", "model": "default", "system_prompt": "Be brief."},
}


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of an embedded server."""
    environment = {"PAR_DATABASE_URL": database_url, "PAR_DEV_CONTROLS": "on", "PAR_DISCOVERY": "off"}
    environment["PAR_DATA_DIR"] = str(tmp_path / "data")
    return load(environment, tmp_path)


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """A served application."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def api(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080", timeout=15) as client:
        yield client


@pytest.fixture
async def agent(api: httpx.AsyncClient) -> str:
    """Id of an agent that takes tasks."""
    answer = await api.post("/v1/agents", json=AGENT)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["agent_id"])


@pytest.fixture
async def task(api: httpx.AsyncClient, agent: str) -> str:
    """Id of a queued task."""
    answer = await api.post("/v1/tasks", json={"agent_id": agent, "input": "Why is the sky blue?"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["task_id"])


@pytest.fixture
async def worker(database_url: str) -> AsyncIterator[StandInWorker]:
    """Claims and finishes tasks as a worker does, without running anything."""
    async with StandInWorker(database_url) as worker:
        yield worker
