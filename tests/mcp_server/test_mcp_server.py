"""`par mcp serve` as its clients see it: real sessions over stdio and HTTP, and a runtime behind it."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.fastmcp.exceptions import ToolError

from agent_runtime.client import ClientOptions, RuntimeClient
from agent_runtime.domain.errors import ConfigurationError, ToolFailed
from agent_runtime.embedded.identity import tied_to_parent
from agent_runtime.embedded.ports import free_port
from agent_runtime.mcp_server.runtime_tools import RuntimeTools
from agent_runtime.mcp_server.server import ServerOptions, build
from agent_runtime.safe_http import PUBLIC_ONLY
from agent_runtime.tools.web_search import WebSearch
from tests.cli.fake_server import FakeServer
from tests.support.waiting import eventually_sync

WEB_TOOLS = {"web_search", "read_url", "calculator"}
TASK_TOOLS = {"submit_task", "get_task", "wait_for_task", "list_agents", "answer_human_request"}


def environment(tmp_path: Path, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PAR_")}
    return {**kept, "PAR_ENV_FILE": "", "PAR_DATA_DIR": str(tmp_path / "data"), **settings}


@asynccontextmanager
async def over_stdio(tmp_path: Path, **settings: str) -> AsyncIterator[ClientSession]:
    program = StdioServerParameters(
        command=sys.executable,
        args=["-m", "agent_runtime.cli.main", "mcp", "serve"],
        env=environment(tmp_path, **settings),
    )
    async with stdio_client(program) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session


@contextmanager
def over_http(tmp_path: Path, **settings: str) -> Iterator[str]:
    port = free_port()
    program = [sys.executable, "-m", "agent_runtime.cli.main", "mcp", "serve", "--http", f"127.0.0.1:{port}"]
    command = [*tied_to_parent("KILL"), *program]
    process = subprocess.Popen(command, env=environment(tmp_path, **settings), start_new_session=True)
    url = f"http://127.0.0.1:{port}/mcp"
    try:
        eventually_sync(lambda: _serves(url), "the server answers", seconds=30)
        yield url
    finally:
        process.kill()
        process.wait(10)


def _serves(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code > 0
    except httpx.TransportError:
        return False


def text_of(result: Any) -> str:
    return "\n".join(block.text for block in result.content)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        yield fake


async def test_over_stdio_with_a_runtime_behind_it(tmp_path: Path, server: FakeServer) -> None:
    server.add_task(task_id="t-1", status="completed", output={"result": "blue", "structured": None})
    async with over_stdio(tmp_path, PAR_URL=server.url) as session:
        assert {tool.name for tool in (await session.list_tools()).tools} == WEB_TOOLS | TASK_TOOLS
        assert text_of(await session.call_tool("calculator", {"expression": "6 * 7"})) == "42"
        wrong = await session.call_tool("calculator", {"expression": "import os"})
        assert wrong.isError
        found = json.loads(text_of(await session.call_tool("wait_for_task", {"task_id": "t-1"})))
        assert (found["status"], found["output"]["result"]) == ("completed", "blue")
        missing = await session.call_tool("get_task", {"task_id": "t-2"})
        assert missing.isError


async def test_over_http_without_a_runtime_for_this_machine_only(tmp_path: Path) -> None:
    with over_http(tmp_path) as url:
        async with (
            streamable_http_client(url) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            assert {tool.name for tool in (await session.list_tools()).tools} == WEB_TOOLS
            assert text_of(await session.call_tool("calculator", {"expression": "1/8"})) == "0.125"
            refused = await session.call_tool("read_url", {"url": "http://127.0.0.1:8080/"})
            assert refused.isError
            assert "127.0.0.1 is never allowed" in text_of(refused)
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        accept = {"Accept": "application/json, text/event-stream"}
        async with httpx.AsyncClient() as http:
            foreign = await http.post(url, json=body, headers=accept | {"Origin": "https://evil.example"})
            assert foreign.status_code == 403
            rebound = await http.post(url, json=body, headers=accept | {"Host": "evil.example"})
            assert rebound.status_code == 421


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("web_search", {}, "the arguments of web_search are wrong: query: Field required"),
        ("web_search", {"query": "a", "max_results": 99}, "max_results: Input should be less than or equal to 20"),
        ("web_search", {"query": "a", "most": 5}, "web_search has no argument 'most'; it has query, max_results"),
        ("calculator", {"expression": 7}, "expression: Input should be a valid string"),
        ("calculator", {"expression": "import os"}, "import os"),
        ("paint", {"colour": "red"}, "Unknown tool: paint"),
    ],
)
async def test_a_wrong_call_is_told_which_argument_is_wrong(tool: str, arguments: dict[str, Any], words: str) -> None:
    server = build(ServerOptions(WebSearch(), PUBLIC_ONLY))
    with pytest.raises(ToolError) as caught:
        await server.call_tool(tool, arguments)
    told = str(caught.value)
    assert words in told
    assert not any(noise in told for noise in ("pydantic", "input_value", "validation error", "Arguments", "\n"))


def test_with_a_token_nothing_is_answered_without_it(tmp_path: Path) -> None:
    with over_http(tmp_path, PAR_MCP_TOKEN="let-me-in-please") as url:
        body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        headers = {"Accept": "application/json, text/event-stream"}
        assert httpx.post(url, json=body, headers=headers).status_code == 401
        wrong = httpx.post(url, json=body, headers=headers | {"Authorization": "Bearer let-me-in"})
        assert wrong.status_code == 401
        right = httpx.post(url, json=body, headers=headers | {"Authorization": "Bearer let-me-in-please"})
        assert right.status_code == 200


def test_beyond_this_machine_it_needs_a_token() -> None:
    options = ServerOptions(WebSearch(), PUBLIC_ONLY, host="0.0.0.0")
    with pytest.raises(ConfigurationError, match="PAR_MCP_TOKEN"):
        build(options)
    build(replace(options, token="x" * 20))


async def test_people_are_answered_through_it(server: FakeServer) -> None:
    server.add_task(task_id="t-1", status="waiting_for_approval")
    async with RuntimeClient(ClientOptions(server.url)) as client:
        tools = RuntimeTools(client)
        assert (await tools.wait_for_task("t-1"))["status"] == "waiting_for_approval"
        with pytest.raises(ToolFailed):
            await tools.get_task("t-9")
        # The fake server knows no approvals; what was sent is what counts.
        with suppress(ToolFailed):
            await tools.answer_human_request("t-1", "approve", args={"a": 1}, request_id="r-1")
    (sent,) = server.sent("POST", "/v1/tasks/t-1/approve")
    assert sent.body == {"request_id": "r-1", "args": {"a": 1}}
