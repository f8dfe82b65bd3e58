"""One statement that writes what many tasks have ready, each part under the fence of its attempt."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import AsyncConnection, AsyncRawCursor
from psycopg.rows import DictRow, dict_row

from agent_runtime.domain.task_lifecycle import Move
from agent_runtime.store.arrays import ByteaArray, literal, text_literal
from agent_runtime.store.database import Row, fetch_all
from agent_runtime.store.queries import query, raw_query
from agent_runtime.store.task_lifecycle import moves_parameter
from agent_runtime.store.tool_call import ToolCallRow, record_parameters


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message's JSON under its sequence in a namespace."""

    namespace: str
    sequence: int
    checksum: int
    body: bytes


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One version of one channel that is no list of messages."""

    namespace: str
    channel: str
    version: str
    checksum: int
    body: bytes


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """One checkpoint; `duration_ms` is what its step took."""

    namespace: str
    checkpoint_id: str
    parent_id: str | None
    step_number: int
    node_name: str | None
    run_id: str | None
    duration_ms: int | None
    state: bytes
    checksum: int


@dataclass(frozen=True, slots=True)
class WriteRow:
    """What one graph task wrote to one checkpoint."""

    namespace: str
    checkpoint_id: str
    writer_id: str
    write_index: int
    writer_path: str
    write_count: int
    checksum: int
    body: bytes


@dataclass(frozen=True, slots=True)
class CallRow:
    """One metered call; `cost` in microdollars, None when the price is unknown. `instead_of` is the agent's own model
    where that could not answer.
    """

    call_id: str
    checkpoint_id: str | None
    kind: str
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost: int | None
    estimated: bool
    duration_ms: int
    instead_of: str | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    """One item of the task's history that is no lifecycle event; its sequence is given by the statement."""

    kind: str
    namespace: str | None = None
    message_sequence: int | None = None
    tool_call_id: str | None = None
    tool_name: str | None = None
    is_error: bool | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: int | None = None
    duration_ms: int | None = None
    details: str | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """A model call about to start: settled at `microdollars` if its worker dies before it reports the reply."""

    call_id: str
    microdollars: int
    provider: str
    model: str


@dataclass(slots=True)
class Unit:
    """All that one attempt has ready. `attempt` None is the open fence; `settles` replaces the
    reservation; `finishes` says that a move which ends the attempt goes with it.
    """

    tenant_id: str
    task_id: str
    attempt: int | None
    flush_number: int = 0
    messages: list[MessageRow] = field(default_factory=list)
    channels: list[ChannelRow] = field(default_factory=list)
    checkpoints: list[CheckpointRow] = field(default_factory=list)
    writes: list[WriteRow] = field(default_factory=list)
    calls: list[CallRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    tool_calls: dict[str, ToolCallRow] = field(default_factory=dict)
    step_count: int = 0
    finishes: bool = False
    settles: bool = False
    reservation: Reservation | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        held = self.messages or self.checkpoints or self.writes or self.calls or self.events or self.tool_calls
        return not (held or self.settles)


# Column of the statement -> attribute of the row, by how it travels: plain numbers and ids, texts, or bytes.
_PARTS: dict[str, tuple[str, dict[str, str], dict[str, str], dict[str, str]]] = {
    "message": (
        "messages",
        {"sequences": "sequence", "checksums": "checksum"},
        {"namespaces": "namespace"},
        {"bodies": "body"},
    ),
    "channel": (
        "channels",
        {"checksums": "checksum"},
        {"namespaces": "namespace", "names": "channel", "versions": "version"},
        {"bodies": "body"},
    ),
    "checkpoint": (
        "checkpoints",
        {
            "ids": "checkpoint_id",
            "parents": "parent_id",
            "steps": "step_number",
            "durations": "duration_ms",
            "checksums": "checksum",
        },
        {"namespaces": "namespace", "nodes": "node_name", "runs": "run_id"},
        {"states": "state"},
    ),
    "write": (
        "writes",
        {"checkpoints": "checkpoint_id", "indexes": "write_index", "counts": "write_count", "checksums": "checksum"},
        {"namespaces": "namespace", "writers": "writer_id", "paths": "writer_path"},
        {"bodies": "body"},
    ),
    "call": (
        "calls",
        {
            "ids": "call_id",
            "checkpoints": "checkpoint_id",
            "inputs": "input_tokens",
            "outputs": "output_tokens",
            "cache_reads": "cache_read_tokens",
            "cache_writes": "cache_write_tokens",
            "costs": "cost",
            "estimated": "estimated",
            "durations": "duration_ms",
        },
        {"kinds": "kind", "providers": "provider", "models": "model"},
        {},
    ),
    "event": (
        "events",
        {
            "messages": "message_sequence",
            "errors": "is_error",
            "inputs": "input_tokens",
            "outputs": "output_tokens",
            "costs": "cost",
            "durations": "duration_ms",
        },
        {
            "kinds": "kind",
            "namespaces": "namespace",
            "tool_calls": "tool_call_id",
            "tools": "tool_name",
            "details": "details",
        },
        {},
    ),
}


def flush_parameters(units: Sequence[Unit], lane: int = 0) -> dict[str, Any]:
    """The arrays that the statement `flush` takes apart again."""
    arrays = _unit_arrays(units)
    arrays["lane"] = f"/{lane}"
    for part, (attribute, plain, texts, bodies) in _PARTS.items():
        rows = [(place, row) for place, unit in enumerate(units, 1) for row in getattr(unit, attribute)]
        arrays[f"{part}_units"] = literal([place for place, _ in rows])
        for column, name in plain.items():
            arrays[f"{part}_{column}"] = literal([getattr(row, name) for _, row in rows])
        for column, name in texts.items():
            arrays[f"{part}_{column}"] = text_literal([getattr(row, name) for _, row in rows])
        for column, name in bodies.items():
            arrays[f"{part}_{column}"] = ByteaArray([getattr(row, name) for _, row in rows])
    arrays["event_places"] = literal([place for unit in units for place in range(1, len(unit.events) + 1)])
    return arrays


def _unit_arrays(units: Sequence[Unit]) -> dict[str, Any]:
    held = [unit.reservation for unit in units]
    return {
        "tenant_ids": text_literal([unit.tenant_id for unit in units]),
        "task_ids": literal([unit.task_id for unit in units]),
        "attempts": literal([unit.attempt for unit in units]),
        "flush_numbers": literal([unit.flush_number for unit in units]),
        "step_counts": literal([unit.step_count for unit in units]),
        "settles": literal([unit.settles for unit in units]),
        "finishes": literal([unit.finishes for unit in units]),
        "event_counts": literal([len(unit.events) for unit in units]),
        "checkpoint_counts": literal([len(unit.checkpoints) for unit in units]),
        "unit_input_tokens": literal([sum(call.input_tokens for call in unit.calls) for unit in units]),
        "unit_output_tokens": literal([sum(call.output_tokens for call in unit.calls) for unit in units]),
        "unit_costs": literal([sum(call.cost or 0 for call in unit.calls) for unit in units]),
        "reserved_calls": literal([one.call_id if one else None for one in held]),
        "reserved_amounts": literal([one.microdollars if one else None for one in held]),
        "reserved_providers": text_literal([one.provider if one else None for one in held]),
        "reserved_models": text_literal([one.model if one else None for one in held]),
    }


async def flush(
    connection: AsyncConnection[DictRow], units: Sequence[Unit], moves: Sequence[Move] = (), *, lane: int = 0
) -> tuple[list[Row], list[Row]]:
    """Write units and, in the same transaction, land the moves that end some of them.

    `lane` keeps the counters of flushes that run side by side apart, so that they do not wait for each other.
    Gives the rows of the units that landed (by `ordinal`, from 1) and of the moves that landed.
    """
    recorded = record_parameters(units)
    if not moves and recorded is None:
        return await (await _execute(connection, "flush", "flush", flush_parameters(units, lane))).fetchall(), []
    moved: AsyncRawCursor[DictRow] | None = None
    # In a pipeline, autocommit statements up to the sync are one transaction and one round trip.
    async with connection.pipeline():
        flushed = await _execute(connection, "flush", "flush", flush_parameters(units, lane))
        if recorded is not None:
            await _execute(connection, "tool_call", "record", recorded)
        if moves:
            moved = await _execute(connection, "task_lifecycle", "transition", {"moves": moves_parameter(moves)})
    return await flushed.fetchall(), await moved.fetchall() if moved is not None else []


async def _execute(
    connection: AsyncConnection[DictRow], room: str, name: str, parameters: dict[str, Any]
) -> AsyncRawCursor[DictRow]:
    statement = raw_query(room, name)
    cursor = AsyncRawCursor(connection, row_factory=dict_row)
    return await cursor.execute(statement.text, [parameters[name] for name in statement.parameters])


async def look_again(connection: AsyncConnection[DictRow], units: Sequence[Unit]) -> list[Row]:
    """For units that did not land: whether the attempt has ended, and its last flush number."""
    parameters = {
        "tenant_ids": text_literal([unit.tenant_id for unit in units]),
        "task_ids": literal([unit.task_id for unit in units]),
        "attempts": literal([unit.attempt for unit in units]),
    }
    return await fetch_all(connection, "flush", "look_again", parameters)


async def keep_late_call(connection: AsyncConnection[DictRow], unit: Unit, call: CallRow, worker_id: str) -> None:
    """Keep a reply that arrived after its attempt had ended; it replaces the estimate that was settled for it."""
    await connection.execute(
        query("flush", "late_call"),
        {
            "tenant_id": unit.tenant_id,
            "task_id": unit.task_id,
            "attempt": unit.attempt,
            "worker_id": worker_id,
            **{name: getattr(call, name) for name in CallRow.__slots__ if name != "checkpoint_id"},
        },
    )
