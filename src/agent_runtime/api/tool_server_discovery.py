"""Asks a tool server what it offers, for a person who waits for the answer."""

import asyncio
import importlib
from collections.abc import Sequence
from functools import partial
from typing import Any

from agent_runtime.api.tool_server_rules import shown_tool
from agent_runtime.safe_http import SafeTransport, Targets
from agent_runtime.store.database import Row
from agent_runtime.tool_servers.connection import Listed, ServerConnection, ServerUnavailable
from agent_runtime.tool_servers.discover import discover


async def asked(server: ServerConnection, targets: Targets) -> tuple[Listed | None, str | None]:
    """What the server lists, or why it could not be asked."""
    # The protocol's library takes a second to load, which only a server that is asked something pays, off the loop.
    sessions = await asyncio.to_thread(importlib.import_module, "agent_runtime.tool_servers.mcp_session")
    try:
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
