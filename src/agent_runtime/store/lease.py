"""Worker sessions and what follows from them: who is alive, whose tasks are orphans, what has run out of time."""

from collections.abc import Sequence
from typing import Any

from agent_runtime.store.arrays import literal, text_literal
from agent_runtime.store.database import Database, Row

_ROOM = "lease"


async def declare_dead(database: Database, suspects: Sequence[str], quiet_seconds: float) -> list[str]:
    """Mark dead sessions offline and give their worker ids."""
    parameters = {"suspects": list(suspects), "quiet_seconds": quiet_seconds}
    return [row["worker_id"] for row in await database.fetch_all(_ROOM, "declare_dead", parameters)]


async def orphans(database: Database, *, own: Sequence[str] = (), limit: int = 200) -> list[Row]:
    """Live attempts whose worker is gone, or is one of `own`."""
    return await database.fetch_all(_ROOM, "orphans", {"own": list(own), "limit": limit})


async def own_attempts(database: Database, worker_id: str, older_than_seconds: float) -> list[Row]:
    """Live attempts in a worker's name: `tenant_id, task_id, attempt`."""
    parameters = {"worker_id": worker_id, "seconds": older_than_seconds}
    return await database.fetch_all(_ROOM, "own_attempts", parameters)


async def ended_attempts(database: Database, running: Sequence[tuple[str, str, int]]) -> list[Row]:
    """Which of these (tenant_id, task_id, attempt) have been ended by others: `task_id, attempt, outcome`."""
    parameters = {
        "tenant_ids": text_literal([one[0] for one in running]),
        "task_ids": literal([one[1] for one in running]),
        "attempts": literal([one[2] for one in running]),
    }
    return await database.fetch_all(_ROOM, "ended_attempts", parameters)


async def overdue(database: Database, limit: int = 200) -> list[Row]:
    """Tasks over their timeout: `tenant_id, task_id, task_timeout_seconds`."""
    return await database.fetch_all(_ROOM, "overdue", {"limit": limit})


async def forget_sessions(database: Database) -> None:
    """Remove sessions that have been offline for a day."""
    await database.fetch_all(_ROOM, "forget_sessions")


async def leave(database: Database, worker_id: str) -> None:
    """Mark a worker's session offline."""
    await database.fetch_all(_ROOM, "leave", {"worker_id": worker_id})


async def resume_point(database: Database, tenant_id: str, task_id: str) -> Row | None:
    """`checkpoint_run, input_run, input` of a task."""
    return await database.fetch_one(_ROOM, "resume_point", {"tenant_id": tenant_id, "task_id": task_id})


async def agent_config(database: Database, tenant_id: str, agent_id: str, config_version: int) -> dict[str, Any]:
    """The configuration of one version of an agent. Raises KeyError when there is none."""
    parameters = {"tenant_id": tenant_id, "agent_id": agent_id, "config_version": config_version}
    row = await database.fetch_one(_ROOM, "agent_config", parameters)
    if row is None:
        raise KeyError(f"version {config_version} of agent {agent_id}")
    config: dict[str, Any] = row["agent_config"]
    return config


async def model(database: Database, provider: str, model_id: str) -> Row | None:
    """Prices (microdollars per million tokens) and limits of a model, or None when the registry does not know it."""
    return await database.fetch_one(_ROOM, "model", {"provider": provider, "model_id": model_id})
