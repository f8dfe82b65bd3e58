"""Workers inside the test's own process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from agent_runtime.config import load
from agent_runtime.models.providers import Providers
from agent_runtime.worker.process import WorkerProcess
from tests.support.tasks import TaskBook

StartWorker = Callable[..., AbstractAsyncContextManager[WorkerProcess]]


@pytest.fixture
def book(database_url: str) -> TaskBook:
    """The database of this test, with the agent `agent`."""
    book = TaskBook(database_url)
    book.add_agent()
    return book


@pytest.fixture
def start_worker(database_url: str) -> StartWorker:
    """Runs a worker for the length of a `with` block."""

    @asynccontextmanager
    async def started(worker_id: str = "worker-1", **settings: Any) -> AsyncIterator[WorkerProcess]:
        environment = {f"PAR_{name.upper()}": str(value) for name, value in settings.items()}
        loaded = load({"PAR_DEV_CONTROLS": "on", "PAR_ENV_FILE": "", **environment})
        worker = WorkerProcess(loaded, database_url, worker_id, Providers({}))
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await running

    return started
