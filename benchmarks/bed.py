"""The database that benchmarks run on: the product's own embedded server, durable, with a fresh database for each."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from agent_runtime.embedded.postgres import PostgresServer
from agent_runtime.store.migrate import migrate

Row = dict[str, Any]
_TICKS = os.sysconf("SC_CLK_TCK")
_numbers = count(1)


@dataclass(frozen=True)
class Bed:
    """One running server with the product's default options: fsync on, synchronous commit."""

    server: PostgresServer

    def database(self, *, migrated: bool = True) -> str:
        """Address (as owner) of a fresh database."""
        name = f"bench_{next(_numbers)}"
        self.rows(self.server.url, f"create database {name}")
        url = self.server.url.rsplit("/", 1)[0] + "/" + name
        if migrated:
            migrate(url)
        return url

    def drop(self, url: str) -> None:
        """Remove a database with all who are connected."""
        self.rows(self.server.url, f"drop database if exists {url.rsplit('/', 1)[1]} with (force)")

    @staticmethod
    def rows(url: str, statement: str, parameters: Row | None = None) -> list[Row]:
        """Rows of any statement, as the owner."""
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def value(self, url: str, statement: str, parameters: Row | None = None) -> Any:
        """The only value of the only row of a statement."""
        (row,) = self.rows(url, statement, parameters)
        (value,) = row.values()
        return value

    def wal_bytes(self) -> int:
        """Position in the write-ahead log, in bytes."""
        return int(self.value(self.server.url, "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))

    def cpu_seconds(self) -> float:
        """CPU time of the server so far, user and system, of all its processes and of those that have ended."""
        assert self.server.process is not None
        postmaster = self.server.process.pid
        live = sum(_times(pid)[0] for pid in [postmaster, *_children(postmaster)])
        return live + _times(postmaster)[1]

    def settle(self) -> None:
        """Let background work of the previous measurement (checkpoint, vacuum) not count against the next."""
        self.rows(self.server.url, "checkpoint")


@contextmanager
def running_bed(directory: Path) -> Iterator[Bed]:
    """A durable server in an empty folder, stopped at the end."""
    server = PostgresServer(directory, durable=True)
    with server:
        yield Bed(server)


def _times(pid: int) -> tuple[float, float]:
    """CPU seconds of a process itself and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0, 0.0
    user, system, child_user, child_system = (int(field) for field in fields[11:15])
    return (user + system) / _TICKS, (child_user + child_system) / _TICKS


def _children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if parent == pid:
                found.append(int(entry.name))
    return found


def wait_for(look: Any, what: str, seconds: float, *, between: float = 0.02) -> Any:
    """Ask `look` until it gives something true, `between` seconds apart; raises TimeoutError naming `what`."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(between)
    return answer
