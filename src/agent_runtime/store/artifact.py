"""Artifacts: rows that name stored bytes, and the list of bytes that nothing names."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent_runtime.domain.artifact import Artifact, Direction, check_room
from agent_runtime.domain.errors import LeaseLost, ObjectStoreUnavailable
from agent_runtime.store.arrays import literal, text_literal
from agent_runtime.store.database import Connection, Database, Row, fetch_all, fetch_one

_ROOM = "artifact"
# An upload that has not ended by then is taken for dead, and its bytes are removed.
LONGEST_UPLOAD_SECONDS = 3600.0


@dataclass(frozen=True)
class ObjectId:
    """Where bytes lie: the store's key is made of these three."""

    tenant_id: str
    task_id: str
    artifact_id: str


@dataclass(frozen=True)
class StoredObject:
    """Bytes that have been written, with what was measured on their way."""

    place: ObjectId
    filename: str
    direction: Direction
    content_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Writer:
    """The attempt that writes, and the tool call for which it does."""

    attempt: int
    tool_call_id: str | None = None


async def announce(database: Database, place: ObjectId) -> None:
    """Say that bytes will be written there; call it before the first one."""
    await database.tenant_rows(place.tenant_id, _ROOM, "announce", _keys(place))


async def add_output(database: Database, stored: StoredObject, writer: Writer) -> Artifact:
    """Give the bytes their name, under the fence of the attempt.

    Raises LeaseLost, TooLarge when the task has no room, ObjectStoreUnavailable when the upload took too long.
    """
    place = stored.place
    async with database.transaction() as connection:
        fence = {"tenant_id": place.tenant_id, "task_id": place.task_id, "attempt": writer.attempt}
        live = await fetch_one(connection, _ROOM, "lock_attempt", fence)
        if live is None:
            raise LeaseLost(place.task_id, writer.attempt, "an artifact came after its end")
        names = {**_keys(place), "direction": stored.direction, "filename": stored.filename}
        held = await fetch_all(connection, _ROOM, "stored", names)
        check_room(size=stored.size_bytes, stored=held[0]["bytes"], files=held[0]["files"])
        return await add(connection, stored, run_number=live["run_number"], tool_call_id=writer.tool_call_id)


async def add(
    connection: Connection, stored: StoredObject, *, run_number: int = 1, tool_call_id: str | None = None
) -> Artifact:
    """Give the bytes their name in the transaction of something else. Raises ObjectStoreUnavailable."""
    described = {
        name: getattr(stored, name) for name in ("filename", "direction", "content_type", "size_bytes", "sha256")
    }
    parameters = {**_keys(stored.place), **described, "run_number": run_number, "tool_call_id": tool_call_id}
    row = await fetch_one(connection, _ROOM, "add", parameters)
    if row is None:
        raise ObjectStoreUnavailable(f"storing {stored.filename!r} took over an hour and was given up: send it again")
    return _artifact(row)


async def doom(database: Database, places: Sequence[ObjectId]) -> None:
    """Say that an upload came to nothing; its bytes are removed later."""
    if places:
        ids = literal([place.artifact_id for place in places])
        parameters = {"task_id": places[0].task_id, "artifact_ids": ids}
        await database.tenant_rows(places[0].tenant_id, _ROOM, "doom", parameters)


async def find(
    database: Database, tenant_id: str, task_id: str, direction: Direction, filename: str
) -> Artifact | None:
    """The artifact of a name; None when there is none."""
    parameters = {"task_id": task_id, "direction": direction, "filename": filename}
    row = await database.tenant_row(tenant_id, _ROOM, "get", parameters)
    return _artifact(row) if row else None


async def of_call(
    database: Database, tenant_id: str, task_id: str, run_number: int, tool_call_id: str, filename: str
) -> Artifact | None:
    """What this tool call has stored under the name before."""
    parameters = {"task_id": task_id, "run_number": run_number, "tool_call_id": tool_call_id, "filename": filename}
    row = await database.tenant_row(tenant_id, _ROOM, "of_call", parameters)
    return _artifact(row) if row else None


async def page(
    database: Database,
    tenant_id: str,
    task_id: str,
    *,
    direction: Direction | None = None,
    after: tuple[str, str] = ("", ""),
    limit: int = 1_000,
) -> list[Artifact]:
    """Artifacts of a task after a (direction, name), in that order."""
    parameters = {
        "task_id": task_id,
        "direction": direction,
        "after_direction": after[0],
        "after_filename": after[1],
        "limit": limit,
    }
    return [_artifact(row) for row in await database.tenant_rows(tenant_id, _ROOM, "page", parameters)]


async def give_up_loose(database: Database, seconds: float, limit: int = 100) -> list[ObjectId]:
    """Loose bytes that have been so for this long, to be removed from the store by whoever asked."""
    rows = await database.fetch_all(_ROOM, "give_up", {"seconds": seconds, "limit": limit})
    return [ObjectId(row["tenant_id"], str(row["task_id"]), str(row["artifact_id"])) for row in rows]


async def forget(database: Database, removed: Sequence[ObjectId]) -> None:
    """The bytes are gone."""
    parameters = {
        "tenant_ids": text_literal([place.tenant_id for place in removed]),
        "task_ids": literal([place.task_id for place in removed]),
        "artifact_ids": literal([place.artifact_id for place in removed]),
    }
    await database.fetch_all(_ROOM, "forget", parameters)


def _keys(place: ObjectId) -> dict[str, str]:
    return {"tenant_id": place.tenant_id, "task_id": place.task_id, "artifact_id": place.artifact_id}


def _artifact(row: Row) -> Artifact:
    return Artifact(**{**row, "artifact_id": str(row["artifact_id"])})
