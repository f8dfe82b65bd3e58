"""One PostgreSQL server per test process, one migrated template, one database per test.

Copying the template is dear: hundreds of files. So a database that a test is done with is emptied, gets a new name
(whoever still tries the old one finds nothing) and serves the next test, as long as no test has changed its schema.
"""

import os
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

from agent_runtime.embedded.postgres import PostgresServer
from agent_runtime.store.migrate import migrate

_TEMPLATE = "par_template"
_REUSE = Path(__file__).parent / "sql" / "reuse.sql"
_numbers = count(1)


class TestServer:
    """A server for one test process; nothing is synced to disk unless `durable`."""

    __test__ = False

    def __init__(self, url: str) -> None:
        self.url = url
        self._clean: deque[str] = deque()
        self._connection = psycopg.connect(url, autocommit=True)
        self._execute(f"create database {_TEMPLATE}")
        template = _renamed(url, _TEMPLATE)
        migrate(template)
        with psycopg.connect(template, autocommit=True) as connection:
            connection.execute(_REUSE.read_bytes())

    def close(self) -> None:
        """Let the server go."""
        self._connection.close()

    def create_database(self) -> str:
        """Address of a migrated database as its migrations left it."""
        if self._clean:
            return _renamed(self.url, self._clean.popleft())
        name = _new_name()
        self._execute(f"create database {name} template {_TEMPLATE}")
        return _renamed(self.url, name)

    def create_empty_database(self) -> str:
        """Address of a fresh database without our schema."""
        name = _new_name()
        self._execute(f"create database {name} template template0")
        return _renamed(self.url, name)

    def drop_database(self, url: str) -> None:
        """End it with all who are connected: empty it for the next test, under another name, or drop it."""
        name, new_name = _name_of(url), _new_name()
        self._execute(f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{name}'")
        try:
            self._execute(f"alter database {name} rename to {new_name}")
        except psycopg.Error:
            # Gone already, or somebody came back in between.
            self._execute(f"drop database if exists {name} with (force)")
            return
        if _emptied(_renamed(url, new_name)):
            self._clean.append(new_name)
        else:
            self._execute(f"drop database if exists {new_name} with (force)")

    def _execute(self, statement: str) -> None:
        self._connection.execute(statement.encode())


def _emptied(url: str) -> bool:
    """Whether the database is as its migrations left it, now that all rows of the test are gone."""
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute("select reuse.empty()").fetchone()
    except psycopg.Error:
        return False
    return row is not None and bool(row[0])


def _new_name() -> str:
    return f"test_{os.getpid()}_{next(_numbers)}"


def _name_of(url: str) -> str:
    return url.rsplit("/", 1)[1].split("?", maxsplit=1)[0]


def _renamed(url: str, name: str) -> str:
    base, _, query = url.partition("?")
    return base.rsplit("/", 1)[0] + "/" + name + (f"?{query}" if query else "")


@contextmanager
def running_server() -> Iterator[TestServer]:
    """Start a server in a temporary folder and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="par-tests-") as folder:
        postgres = PostgresServer(Path(folder), durable=False)
        postgres.initialise()
        postgres.start()
        try:
            server = TestServer(postgres.url)
            yield server
            server.close()
        finally:
            postgres.stop()
