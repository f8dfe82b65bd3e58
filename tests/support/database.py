"""One PostgreSQL server per test process, one migrated template, one database per test."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

from agent_runtime.embedded.postgres import PostgresServer
from agent_runtime.store.migrate import migrate

_TEMPLATE = "par_template"
_numbers = count(1)


class TestServer:
    """A server for one test process; nothing is synced to disk unless `durable`."""

    __test__ = False

    def __init__(self, url: str) -> None:
        self.url = url
        self._execute(f"create database {_TEMPLATE}")
        migrate(_renamed(url, _TEMPLATE))

    def create_database(self) -> str:
        """Address of a fresh migrated database."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        self._execute(f"create database {name} template {_TEMPLATE}")
        return _renamed(self.url, name)

    def create_empty_database(self) -> str:
        """Address of a fresh database without our schema."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        self._execute(f"create database {name} template template0")
        return _renamed(self.url, name)

    def drop_database(self, url: str) -> None:
        """Drop it with all who are connected."""
        name = url.rsplit("/", 1)[1].split("?", maxsplit=1)[0]
        self._execute(f"drop database if exists {name} with (force)")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode())


def _renamed(url: str, name: str) -> str:
    base, _, query = url.partition("?")
    return base.rsplit("/", 1)[0] + "/" + name + (f"?{query}" if query else "")


@contextmanager
def running_server() -> Iterator[TestServer]:
    """Start a server in a temporary folder and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="par-tests-") as folder:
        server = PostgresServer(Path(folder), durable=False)
        server.initialise()
        server.start()
        try:
            yield TestServer(server.url)
        finally:
            server.stop()
