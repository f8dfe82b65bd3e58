"""A call of a customer's tool through the attempt's session, beside the bare SDK in one session with that server."""

import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from agent_runtime.safe_http import SafeTransport, Targets
from agent_runtime.store import tool_server as store
from agent_runtime.store.database import Database
from agent_runtime.store.secret import Secrets
from agent_runtime.store.tool_server import ServerValues
from agent_runtime.tool_servers.attempt_servers import AttemptServers
from agent_runtime.tool_servers.mcp_session import connect
from agent_runtime.tool_servers.registered import connection_from
from agent_runtime.tools import call_environment
from agent_runtime.tools.call_environment import CallEnvironment
from agent_runtime.tools.server_tool import server_tool
from agent_runtime.tools.services import ToolServices
from benchmarks.bed import Bed
from benchmarks.table import Bar, Table
from tests.support.tool_server import running_tool_server

_CALLS = 200
_TENANT = "default"
_ARGUMENTS = {"customer": "c-1", "lines": [1, 2, 3]}


async def run(bed: Bed, repeats: int) -> Table:
    """Calls one after the other, ours and the peer's in turns."""
    setting = f"{_CALLS} calls of one tool of a server on this machine, one after the other, in one session."
    table = Table("tool_call", setting)
    ours, bare = [], []
    url = bed.database()
    with tempfile.TemporaryDirectory() as folder, running_tool_server(Path(folder)) as server:
        async with Database(url, "par_worker") as database, _attempt(database, server.url) as services:
            for _ in range(repeats):
                bare.append(await _bare(server.url))
                ours.append(await _milliseconds(partial(_call, services)))
    bed.drop(url)
    table.add("a call", "ms", median(ours), peer=median(bare), peer_name="the SDK in one session")
    table.add("a call, over the SDK's", "ms", median(ours) - median(bare), bar=Bar(most=10))
    return table


@asynccontextmanager
async def _attempt(database: Database, url: str) -> AsyncIterator[ToolServices]:
    """What an attempt opens for an agent with this server."""
    server_id = "01900000-0000-7000-8000-000000000001"
    async with database.transaction(_TENANT) as connection:
        values = ServerValues("bench", url, "none", {}, 30, "active", auth_token_set=False)
        await store.insert_server(connection, _TENANT, server_id, values)
    transport = partial(SafeTransport, Targets(loopback=True))
    servers = AttemptServers(database, _TENANT, partial(connect, open_transport=transport))
    await servers.open(["bench"], partial(connection_from, database, Secrets(None), {}, _TENANT), 0)
    try:
        yield ToolServices(tool_servers=servers)
    finally:
        await servers.close()


async def _call(services: ToolServices, number: int) -> Any:
    """As the tool node does it, with the check of the arguments and the key of the call."""
    name, call_id = "bench__echo", f"call-{number}"
    tool = server_tool(services, name)
    assert tool is not None
    assert tool.argument_problem(_ARGUMENTS) is None
    token = call_environment.enter(CallEnvironment(_TENANT, "task", 1, 1, call_id, services))
    try:
        return await tool.ainvoke({"name": name, "args": _ARGUMENTS, "id": call_id, "type": "tool_call"})
    finally:
        call_environment.leave(token)


async def _bare(url: str) -> float:
    async with (
        httpx.AsyncClient(timeout=30) as http,
        streamable_http_client(url, http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        await session.list_tools()
        return await _milliseconds(lambda _: session.call_tool("echo", _ARGUMENTS))


async def _milliseconds(call: Callable[[int], Awaitable[Any]]) -> float:
    """Of one call, on average."""
    await call(-1)
    began = time.perf_counter()
    for number in range(_CALLS):
        await call(number)
    return (time.perf_counter() - began) * 1000 / _CALLS
