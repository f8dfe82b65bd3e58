"""Which sandbox a task has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent_runtime.domain.errors import LeaseLost
from agent_runtime.store.arrays import text_literal
from agent_runtime.store.database import Database, Row

_ROOM = "sandbox"


@dataclass(frozen=True, slots=True)
class Owner:
    """The attempt that a sandbox belongs to."""

    tenant_id: str
    task_id: str
    attempt: int

    def keys(self) -> dict[str, Any]:
        """As parameters of a statement."""
        return {"tenant_id": self.tenant_id, "task_id": self.task_id}


async def get(database: Database, owner: Owner) -> Row | None:
    """The row of a task's sandbox, if it ever had one."""
    return await database.fetch_one(_ROOM, "get", owner.keys())


async def put(
    database: Database, owner: Owner, *, provider: str, sandbox_id: str, host: str, state: str, times_made: int
) -> None:
    """Note a sandbox that is being made or is there. Raises LeaseLost."""
    facts = {"provider": provider, "sandbox_id": sandbox_id, "host": host, "state": state, "times_made": times_made}
    if not await database.fetch_all(_ROOM, "put", {**owner.keys(), "attempt": owner.attempt, **facts}):
        raise LeaseLost(owner.task_id, owner.attempt, "a sandbox came after its end")


async def set_state(database: Database, owner: Owner, sandbox_id: str, state: str, files: int | None = None) -> None:
    """Paused with `files` in it, or running."""
    parameters = {**owner.keys(), "sandbox_id": sandbox_id, "state": state, "files": files}
    await database.fetch_all(_ROOM, "set_state", parameters)


async def add_export(database: Database, owner: Owner, filename: str, path: str) -> None:
    """Note where an exported file lay."""
    await database.fetch_all(_ROOM, "add_export", {**owner.keys(), "filename": filename, "path": path})


async def take_over(
    database: Database, host: str, anywhere: Sequence[str], *, seconds: float, limit: int = 50
) -> list[Row]:
    """Sandboxes of ended tasks that this host can destroy, or that are older than their host may be."""
    parameters = {"host": host, "anywhere": text_literal(anywhere), "seconds": seconds, "limit": limit}
    return await database.fetch_all(_ROOM, "take_over", parameters)


async def ended(database: Database, tenant_id: str, task_id: str, sandbox_id: str) -> None:
    """The sandbox is gone."""
    parameters = {"tenant_id": tenant_id, "task_id": task_id, "sandbox_id": sandbox_id}
    await database.fetch_all(_ROOM, "ended", parameters)
