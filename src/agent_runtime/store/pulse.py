"""The heartbeat's own connection: synchronous, on a thread, and holding the lock whose release tells of a death."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from agent_runtime.domain.errors import DatabaseUnavailable
from agent_runtime.store.database import connection_options
from agent_runtime.store.queries import query

_ROOM = "lease"


@dataclass(frozen=True)
class SessionFacts:
    """What a worker's session row says of it."""

    worker_id: str
    worker_pool_id: str
    host: str
    pid: int
    version: str
    capacity: int
    lock_key: int
    lease_seconds: float


class Pulse:
    """One connection's statements. Any of them may raise what `pulse` turns into DatabaseUnavailable."""

    def __init__(self, connection: psycopg.Connection[Any], facts: SessionFacts) -> None:
        self._connection = connection
        self._facts = facts

    def register(self) -> None:
        """Come online, or come back after the session was declared lost."""
        self._connection.execute(query(_ROOM, "register"), vars(self._facts))

    def hold_lock(self) -> bool:
        """Take this worker's advisory lock for the life of the connection; False while another still holds it."""
        return bool(self._one("hold_lock", lock_key=self._facts.lock_key))

    def renew(self, running_tasks: int, status: str) -> bool | None:
        """One beat: whether a drain is asked for, or None when the session was declared lost."""
        return self._one(
            "renew",
            worker_id=self._facts.worker_id,
            lease_seconds=self._facts.lease_seconds,
            running_tasks=running_tasks,
            status=status,
        )

    def free_locks(self, quiet_seconds: float) -> set[str]:
        """Peers whose lock nobody holds at this look."""
        parameters = {"worker_id": self._facts.worker_id, "quiet_seconds": quiet_seconds}
        return {row[0] for row in self._connection.execute(query(_ROOM, "free_locks"), parameters).fetchall()}

    def _one(self, name: str, **parameters: Any) -> bool | None:
        row = self._connection.execute(query(_ROOM, name), parameters).fetchone()
        return None if row is None else bool(row[0])


@contextmanager
def pulse(url: str, facts: SessionFacts) -> Iterator[Pulse]:
    """A connection of its own for one worker's beats. Raises DatabaseUnavailable whenever it breaks."""
    options = connection_options("par_worker", f"par-heartbeat {facts.worker_id}")
    options["options"] += " -c statement_timeout=5s -c idle_session_timeout=0"
    try:
        with psycopg.connect(url, **options) as connection:
            yield Pulse(connection, facts)
    except psycopg.Error as error:
        raise DatabaseUnavailable(f"the heartbeat lost the database: {error}".strip()) from error
