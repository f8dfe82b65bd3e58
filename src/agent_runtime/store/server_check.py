"""Looks at a server before anything is built on it: reachable, new enough, syncing what it commits."""

from dataclasses import dataclass

import psycopg

from agent_runtime.domain.errors import StartFailed
from agent_runtime.store.queries import query

OLDEST_VERSION = 15


@dataclass(frozen=True)
class ServerFacts:
    """What a server says of itself; `version` as `server_version_num` has it (180006 = 18.6)."""

    version: int
    fsync: bool
    synchronous_commit: str


def inspect_server(url: str, subject: str, timeout_seconds: int = 5) -> ServerFacts:
    """Connect once and ask; raises StartFailed with one line on what is wrong with `subject`, without the password."""
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=timeout_seconds) as connection:
            row = connection.execute(query("server_check", "get_durability")).fetchone()
            facts = ServerFacts(connection.info.server_version, *row) if row else None
    except (psycopg.Error, ValueError) as error:
        raise StartFailed(f"{subject}: {_reason(error)}") from None
    if facts is None or facts.version < OLDEST_VERSION * 10_000:
        version = facts.version // 10_000 if facts else "unknown"
        raise StartFailed(f"{subject}: the server is PostgreSQL {version}, {OLDEST_VERSION} or newer is needed")
    return facts


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
