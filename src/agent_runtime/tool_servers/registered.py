"""From the registry to a connection: the row of a server with its token out of the secrets."""

from agent_runtime.store.database import Connection, Database, Row
from agent_runtime.store.secret import Owner, Secrets, forget
from agent_runtime.tool_servers.connection import ServerConnection

_KIND, _TOKEN = "tool_server", "auth_token"


async def keep_token(
    connection: Connection, secrets: Secrets, tenant_id: str, server_id: str, token: str | None, *, wanted: bool
) -> None:
    """Keep a new token, keep the old one when none is given, forget it when none is `wanted`. Raises Conflict."""
    owner = Owner(tenant_id, _KIND, server_id)
    if not wanted:
        await forget(connection, owner)
    elif token is not None:
        await secrets.seal(connection, owner, _TOKEN, token)


async def connection_from(database: Database, secrets: Secrets, tenant_id: str, row: Row) -> ServerConnection:
    """How to reach a registered server. Raises SecretUnreadable, Conflict without a master key."""
    token = None
    if row["auth_token_set"]:
        token = await secrets.open(database, Owner(tenant_id, _KIND, str(row["server_id"])), _TOKEN)
    return ServerConnection(row["name"], row["url"], row["headers"], token, float(row["timeout_seconds"]))
