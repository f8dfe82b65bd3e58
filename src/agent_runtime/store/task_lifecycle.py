"""The one door through which a task changes its state after its submission and its claim."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import cache
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from agent_runtime.domain.task_lifecycle import TRANSITIONS, Change, Move
from agent_runtime.store.arrays import literal, text_literal
from agent_runtime.store.database import Row, fetch_all, fetch_one

# What a move's row is made of otherwise than by its name.
_COMPOSED = {"change", "failure", "next_run", "details", "request", "given"}
_PLAIN = tuple(field.name for field in fields(Move) if field.name not in _COMPOSED)


async def lock_tasks(connection: AsyncConnection[DictRow], moves: Sequence[Move]) -> None:
    """Lock the tasks of moves that no attempt guards, in a statement of its own.

    The transition that follows has a later snapshot: else the attempt of a claim that commits meanwhile would not be
    seen, and not be ended.
    """
    parameters = {
        "tenant_ids": text_literal([move.tenant_id for move in moves]),
        "task_ids": literal([move.task_id for move in moves]),
    }
    await fetch_all(connection, "task_lifecycle", "lock_tasks", parameters)


async def transition(connection: AsyncConnection[DictRow], moves: Sequence[Move]) -> list[Row]:
    """Land moves in one statement and give a row for each that landed; a move whose guard failed is just missing."""
    return await fetch_all(connection, "task_lifecycle", "transition", {"moves": moves_parameter(moves)})


async def state_of(connection: AsyncConnection[DictRow], tenant_id: str, task_id: str) -> Row | None:
    """The state of a task now: `status, attempt, run_number, version, dead_letter_reason, last_worker_id`."""
    return await fetch_one(connection, "task_lifecycle", "state_of", {"tenant_id": tenant_id, "task_id": task_id})


def moves_parameter(moves: Sequence[Move]) -> str:
    """The JSON that the statement `transition` reads."""
    return json.dumps([_storable(_row(move)) for move in moves])


def plain_text(text: str | None) -> str | None:
    """Text that PostgreSQL can store: no NUL, no lone surrogate."""
    if text is None or (text.isascii() and "\x00" not in text):
        return text
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _storable(value: Any) -> Any:
    """The same with every text as PostgreSQL can store it: what failed may quote a provider's bytes."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, dict):
        return {key: _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list | tuple) else value


@cache
def _change_row(change: Change) -> Mapping[str, Any]:
    row = TRANSITIONS[change]
    return {
        "from_statuses": [str(status) for status in row.from_statuses],
        "to_status": str(row.to_status),
        "event_type": row.event_type,
        "outcome": str(change),
    }


def _row(move: Move) -> dict[str, Any]:
    row: dict[str, Any] = {name: value for name in _PLAIN if (value := getattr(move, name)) is not None}
    row |= _change_row(move.change)
    if move.details is not None:
        row["details"] = json.dumps(move.details)
    if move.failure is not None:
        row["error_code"] = move.failure.code
        row["error_message"] = plain_text(move.failure.message)
        row["error_fingerprint"] = move.failure.fingerprint if move.dead_letter_reason else None
    if move.next_run is not None:
        run = move.next_run
        row |= {"run_kind": run.kind, "run_id": run.run_id, "run_input": run.input}
        row["from_checkpoint_id"] = run.from_checkpoint_id
    for part in (move.request, move.given):
        if part is not None:
            row |= {key: value for key, value in asdict(part).items() if value is not None}
    return row
