"""The API without its database: 503 with Retry-After, never a 500, and back by itself."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.waiting import eventually

SOURCES = str(Path(__file__).parents[2] / "src")
GOOD = {"agent_id": "research", "input": "x"}


class Gate:
    """A door to the database that can be shut."""

    def __init__(self, target: str) -> None:
        host, port = target.split("@")[1].split("/", maxsplit=1)[0].split(":")
        self._target = (host, int(port))
        self._open = True
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def __aenter__(self) -> "Gate":
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.shut()
        self._server.close()

    def shut(self) -> None:
        self._open = False
        for writer in list(self._writers):
            writer.transport.abort()

    def open(self) -> None:
        self._open = True

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        inner_reader, inner_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, inner_writer}
        try:
            await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer), return_exceptions=True)
        except asyncio.CancelledError:
            return
        finally:
            self._writers -= {writer, inner_writer}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65_536):
        writer.write(chunk)
    writer.close()


@pytest.fixture
async def gate(database_url: str) -> AsyncIterator[Gate]:
    async with Gate(database_url) as gate:
        yield gate


@pytest.fixture
def database_url_through_gate(database_url: str, gate: Gate) -> str:
    before, _, rest = database_url.partition("@")
    return f"{before}@127.0.0.1:{gate.port}/{rest.partition('/')[2]}"


@pytest.fixture
async def server(database_url_through_gate: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a real server in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PAR_")},
        "PAR_DATABASE_URL": database_url_through_gate,
        "PAR_PORT": str(port),
        "PAR_DISCOVERY": "off",
        "PAR_ENV_FILE": "",
        "PYTHONPATH": SOURCES,
    }
    process = _start(environment, tmp_path)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            await eventually(lambda: _answers(client), "the server to answer", seconds=15)
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        # In a thread, since the way to the database that the server closes leads through this loop.
        assert await asyncio.to_thread(process.wait, 10) == 0


def _start(environment: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "agent_runtime.api"], env=environment, cwd=folder)


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/v1/health/live")).status_code == 200
    except httpx.TransportError:
        return False


async def test_an_outage_is_503_and_then_all_is_well_again(server: httpx.AsyncClient, gate: Gate) -> None:
    agent = {"agent_id": "research", "agent_config": {"provider": "scripted", "model": "default"}}
    assert (await server.post("/v1/agents", json=agent)).status_code == 201
    task_id = (await server.post("/v1/tasks", json=GOOD)).json()["task_id"]
    gate.shut()
    paths = ("/v1/tasks", f"/v1/tasks/{task_id}", f"/v1/tasks/{task_id}/stream", "/v1/health/ready", "/v1/agents")
    asked = [server.get(path) for path in paths]
    asked += [server.post("/v1/tasks", json=GOOD) for _ in range(20)]
    asked.append(server.post(f"/v1/tasks/{task_id}/cancel"))
    for answer in await asyncio.gather(*asked):
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await server.get("/v1/health")).status_code == 503
    assert (await server.get("/v1/health/live")).status_code == 200
    gate.open()

    async def recovered() -> bool:
        return (await server.post("/v1/tasks", json=GOOD)).status_code == 201

    await eventually(recovered, "submissions to work again")
    assert (await server.get(f"/v1/tasks/{task_id}")).json()["status"] == "queued"


async def test_a_real_server_cuts_endless_bodies_and_answers_over_one_connection(server: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        deadline = time.monotonic() + 8
        while time.monotonic() < deadline:
            yield b" " * 65_536
            await asyncio.sleep(0)

    headers = {"Content-Type": "application/json"}
    started = time.monotonic()
    try:
        answer = await server.post("/v1/tasks", content=endless(), headers=headers)
        assert answer.status_code == 413
    except httpx.TransportError:
        pass  # the server hung up while we were still writing
    assert time.monotonic() - started < 5
    assert (await server.get("/v1/health/live")).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_a_server_without_keys_serves_this_machine_only(host: str, tmp_path: Path) -> None:
    environment = {"PAR_HOST": host, "PAR_DATABASE_URL": "postgresql://x/y", "PYTHONPATH": SOURCES}
    ended = subprocess.run(
        [sys.executable, "-m", "agent_runtime.api"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=15,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("the API cannot start: PAR_HOST")
    assert len(ended.stderr.splitlines()) == 1
