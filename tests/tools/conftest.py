"""A web of this machine, and a client that may reach it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from agent_runtime.safe_http import SafeClient, Targets
from tests.tools.web_server import WebServer, running_web_server


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A web server."""
    with running_web_server() as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[SafeClient]:
    """Reaches loopback, as no model ever may."""
    async with SafeClient(Targets(loopback=True)) as made:
        yield made
