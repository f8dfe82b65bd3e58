"""From the registry to a connection: the row of a server with its token out of the secrets."""

from collections.abc import Mapping

from agent_runtime.store.database import Connection, Database, Row
from agent_runtime.store.secret import Owner, Secrets, forget
from agent_runtime.tool_servers.connection import ServerConnection, ServerUnavailable
from agent_runtime.tool_servers.programs import SCHEME, Program

PROGRAMS_TENANT = "default"
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


async def connection_from(
    database: Database, secrets: Secrets, programs: Mapping[str, Program], tenant_id: str, row: Row
) -> ServerConnection:
    """How to reach a registered server.

    Raises SecretUnreadable, Conflict without a master key, ServerUnavailable for a program that is not this machine's.
    """
    if row["url"].startswith(SCHEME):
        return _program_of(programs, tenant_id, row)
    token = None
    if row["auth_token_set"]:
        token = await secrets.open(database, Owner(tenant_id, _KIND, str(row["server_id"])), _TOKEN)
    return ServerConnection(row["name"], row["url"], row["headers"], token, float(row["timeout_seconds"]))


def _program_of(programs: Mapping[str, Program], tenant_id: str, row: Row) -> ServerConnection:
    program = programs.get(row["url"].removeprefix(SCHEME)) if tenant_id == PROGRAMS_TENANT else None
    if program is None:
        raise ServerUnavailable(f"{row['name']} is a program that PAR_TOOL_SERVER_PROGRAMS does not name here")
    return ServerConnection(
        row["name"],
        row["url"],
        timeout_seconds=float(program.timeout_seconds),
        command=program.command,
        environment=program.environment,
    )
