"""Asks a server once what it offers, for a person who looks at it."""

from agent_runtime.tool_servers.connection import Connect, Listed, ServerConnection


async def discover(server: ServerConnection, connect: Connect) -> Listed:
    """What the server lists now. Raises ServerUnavailable."""
    session = await connect(server)
    try:
        return await session.list_tools()
    finally:
        await session.close()
