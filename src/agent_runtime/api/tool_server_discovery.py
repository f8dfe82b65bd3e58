"""Asks a tool server what it offers, for a person who waits for the answer."""

import asyncio
import importlib
from collections.abc import Sequence
from functools import partial
from typing import Any

from agent_runtime.api.runtime import Runtime
from agent_runtime.api.tool_server_rules import shown_tool
from agent_runtime.domain.errors import DatabaseUnavailable
from agent_runtime.safe_http import SafeTransport, targets_from
from agent_runtime.store.database import Row
from agent_runtime.tool_servers.connection import Listed, ServerUnavailable
from agent_runtime.tool_servers.discover import discover
from agent_runtime.tool_servers.programs import read_programs, register
from agent_runtime.tool_servers.registered import PROGRAMS_TENANT, connection_from


async def asked(runtime: Runtime, tenant_id: str, row: Row) -> tuple[Listed | None, str | None]:
    """What a registered server lists, or why it could not be asked."""
    targets = targets_from(runtime.settings, loopback=True)
    programs = read_programs(runtime.settings.tool_server_programs)
    # The protocol's library takes a second to load, which only a server that is asked something pays, off the loop.
    sessions = await asyncio.to_thread(importlib.import_module, "agent_runtime.tool_servers.mcp_session")
    try:
        server = await connection_from(runtime.database, runtime.secrets, programs, tenant_id, row)
        return await discover(server, partial(sessions.connect, open_transport=partial(SafeTransport, targets))), None
    except ServerUnavailable as error:
        return None, str(error)


def discovered(row: Row, tools: Sequence[Row], found: Listed | None, error: str | None) -> dict[str, Any]:
    """The answer: the tools as they are kept now, and those that no model can be given."""
    return {
        "server_id": row["server_id"],
        "server_name": row["name"],
        "status": "unreachable" if found is None else "reachable",
        "error": error,
        "tools": [shown_tool(tool) for tool in tools],
        "skipped": [{"name": name, "reason": reason} for name, reason in (found.skipped if found else {}).items()],
    }


async def register_programs(runtime: Runtime) -> None:
    """Give the operator's programs their place in the registry, as soon as the database is there."""
    programs = read_programs(runtime.settings.tool_server_programs)
    while programs:
        try:
            await register(runtime.database, PROGRAMS_TENANT, programs)
            return
        except DatabaseUnavailable:
            await asyncio.sleep(1.0)
