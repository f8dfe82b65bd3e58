"""The database of a system: its own embedded server, or the one that PAR_DATABASE_URL names."""

from collections.abc import Callable

from agent_runtime.config import Settings
from agent_runtime.domain.errors import StartFailed
from agent_runtime.embedded.layout import Layout
from agent_runtime.embedded.postgres import PostgresServer


def embedded_server(settings: Settings, layout: Layout) -> PostgresServer | None:
    """The server that belongs to this data folder; None when another one is set."""
    if settings.database_url is not None:
        return None
    return PostgresServer(layout.database, binaries=settings.postgres_bin, log_file=layout.log("database"))


def verify(url: str, *, embedded: bool) -> None:
    """Self-test of a server that accepts connections; raises StartFailed when it cannot be built on.

    An embedded server that does not sync is refused; of somebody else's server only age and access are judged.
    """
    from agent_runtime.store.server_check import inspect_server

    facts = inspect_server(url, "the embedded database" if embedded else "PAR_DATABASE_URL")
    if embedded and not facts.fsync:
        raise StartFailed("the embedded database runs with fsync off and would lose what it promised to keep")


def apply_migrations(url: str, tell: Callable[[str], object] = lambda _: None) -> list[str]:
    """Apply the missing migrations to a verified server and give their names; `tell` gets a line about each wait.

    Raises MigrationFailed.
    """
    from agent_runtime.store.migrate import migrate

    return migrate(url, tell)
