"""Applies the numbered migrations, forward only, safe to run from many processes at once.

Each is one transaction. One that begins with `-- outside a transaction` is run statement by statement instead, so that
an index can be built while others write; it must be able to begin anew after an interruption.
"""

import hashlib
import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import psycopg

from agent_runtime.domain.errors import MigrationFailed

_LOCK = 7235100
_OLDEST_SERVER = 150000
# A statement that waits for a lock makes everybody behind it wait: it gives up soon, lets them pass and tries again.
_LOCK_WAIT = "1s"
_PASS_SECONDS = 0.5
_TRIES = 120
_OUTSIDE = "-- outside a transaction"
Tell = Callable[[str], object]


def migrate(url: str, tell: Tell = lambda _: None) -> list[str]:
    """Apply what is missing to the database at `url` and give the names applied. `tell` gets a line about each wait.

    Raises MigrationFailed when the server is too old, a file that was applied has changed since, or a statement fails.
    """
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        if connection.info.server_version < _OLDEST_SERVER:
            raise MigrationFailed(
                f"PostgreSQL {connection.info.server_version // 10000} is too old: 15 or newer is needed"
            )
        # An index that is built beside writers may take longer than any statement of theirs.
        connection.execute("select set_config('statement_timeout', '0', false)")
        _await_turn(connection, tell)
        try:
            return _apply(connection, tell)
        finally:
            connection.execute("select pg_advisory_unlock(%s)", (_LOCK,))


def _await_turn(connection: psycopg.Connection[Any], tell: Tell) -> None:
    """By looking again: one who waits inside PostgreSQL holds a snapshot, for which the building of an index waits."""
    told = False
    while connection.execute("select pg_try_advisory_lock(%s)", (_LOCK,)).fetchone() != (True,):
        if not told:
            tell("another process applies migrations: waiting until it is done")
            told = True
        time.sleep(_PASS_SECONDS)


def pending(url: str) -> list[str]:
    """Names of the migrations that the database at `url` still lacks."""
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        done = _applied(connection)
        return [name for name, _ in _migrations() if name not in done]


def _apply(connection: psycopg.Connection[Any], tell: Tell) -> list[str]:
    done = _applied(connection)
    applied = []
    for name, text in _migrations():
        digest = hashlib.sha256(text.encode()).hexdigest()
        if name in done:
            if done[name] != digest:
                raise MigrationFailed(f"migration {name} was changed after it had been applied: restore its text")
            continue
        if text.startswith(_OUTSIDE):
            tell(f"migration {name} works beside writers: it waits for every transaction that began before it")
        _run(connection, name, text, digest)
        applied.append(name)
    return applied


def _run(connection: psycopg.Connection[Any], name: str, text: str, digest: str) -> None:
    for tries_left in range(_TRIES, 0, -1):
        try:
            if text.startswith(_OUTSIDE):
                _run_apart(connection, text)
                _note(connection, name, digest)
            else:
                _run_as_one(connection, name, text, digest)
            return
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            if tries_left == 1:
                raise MigrationFailed(
                    f"migration {name} got no lock in {_TRIES} tries: end the long transactions that hold one"
                ) from error
            time.sleep(_PASS_SECONDS)
        except psycopg.Error as error:
            raise MigrationFailed(f"migration {name} failed and is not applied: {error}") from error


def _run_as_one(connection: psycopg.Connection[Any], name: str, text: str, digest: str) -> None:
    connection.execute("select set_config('lock_timeout', %s, false)", (_LOCK_WAIT,))
    with connection.transaction():
        connection.execute(text.encode())
        _note(connection, name, digest)


def _run_apart(connection: psycopg.Connection[Any], text: str) -> None:
    """Nobody waits behind these statements, so they may wait for others as long as it takes."""
    connection.execute("select set_config('lock_timeout', '0', false)")
    for statement in text.split(";"):
        if statement.strip():
            connection.execute(statement.encode())


def _note(connection: psycopg.Connection[Any], name: str, digest: str) -> None:
    connection.execute("insert into par.migrations (name, sha256) values (%s, %s)", (name, digest))


def _applied(connection: psycopg.Connection[Any]) -> dict[str, str]:
    if connection.execute("select to_regclass('par.migrations')").fetchone() == (None,):
        connection.execute("create schema if not exists par")
        connection.execute(
            "create table if not exists par.migrations"
            " (name text primary key, sha256 text not null, applied_at timestamptz not null default now())"
        )
    return dict(connection.execute("select name, sha256 from par.migrations").fetchall())


def _migrations() -> list[tuple[str, str]]:
    folder = files("agent_runtime.store").joinpath("migrations")
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(name.removesuffix(".sql"), folder.joinpath(name).read_text(encoding="utf-8")) for name in found]
