"""Makes a new task out of a checkpoint of another, in the open transaction."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from agent_runtime.domain.errors import NotFound
from agent_runtime.store.database import Row, fetch_all, fetch_one

Connection = AsyncConnection[DictRow]


@dataclass(frozen=True)
class Fork:
    """What to make. `own_config` is None where the agent's version holds; `input` is one more message, or None."""

    tenant_id: str
    source_id: str
    checkpoint_id: str
    task_id: str
    run_id: str
    own_config: Mapping[str, Any] | None
    input: str | None
    asks_before_unsafe: bool


@dataclass(frozen=True)
class Holdings:
    """What a checkpoint refers to: ranges of messages as `[start, length]`, and channels by version."""

    ranges: list[list[int]]
    channels: Mapping[str, str]


async def source(connection: Connection, tenant_id: str, task_id: str) -> Row:
    """`agent_id, agent_status, config_version, version_config, agent_config` of a task. Raises NotFound."""
    row = await fetch_one(connection, "fork", "source", {"tenant_id": tenant_id, "task_id": task_id})
    if row is None:
        raise NotFound("task", task_id)
    return row


async def checkpoint(connection: Connection, tenant_id: str, task_id: str, checkpoint_id: str) -> Row | None:
    """`state, checksum` of a checkpoint of the task's own graph."""
    parameters = {"tenant_id": tenant_id, "task_id": task_id, "namespace": "", "checkpoint_id": checkpoint_id}
    return await fetch_one(connection, "checkpoint", "one", parameters)


async def channels(connection: Connection, tenant_id: str, task_id: str, versions: Mapping[str, str]) -> list[Row]:
    """`channel, body, checksum` of channel values."""
    key = {"tenant_id": tenant_id, "task_id": task_id, "namespace": ""}
    asked = {"channels": list(versions), "versions": list(versions.values())}
    return await fetch_all(connection, "checkpoint", "channels", key | asked) if versions else []


async def make(connection: Connection, fork: Fork, holdings: Holdings) -> Row | None:
    """The `worker_pool_id` that the new task waits in; None when the checkpoint or the agent went away meanwhile."""
    parameters = {
        **fork.__dict__,
        "own_config": None if fork.own_config is None else json.dumps(fork.own_config),
        "starts": [start for start, _ in holdings.ranges],
        "lengths": [length for _, length in holdings.ranges],
        "channels": list(holdings.channels),
        "versions": list(holdings.channels.values()),
        "details": json.dumps({"parent_task_id": fork.source_id, "checkpoint_id": fork.checkpoint_id}),
    }
    return await fetch_one(connection, "fork", "fork", parameters)
