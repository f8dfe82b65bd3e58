"""The invariants checker: what must hold whatever was killed, cut or frozen. Every fault test calls it at its end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from agent_runtime.checkpointer.fence import OpenFence
from agent_runtime.checkpointer.group_commit import GroupCommit
from agent_runtime.checkpointer.saver import PostgresSaver
from agent_runtime.domain.task_lifecycle import TRANSITIONS
from agent_runtime.store.database import Database
from tests.support.model_server_process import ModelServerProcess
from tests.support.tasks import TaskBook

_SQL = Path(__file__).with_name("sql") / "invariants.sql"
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_SHOWN = 5


@dataclass(frozen=True)
class Broken:
    """One invariant with the rows that break it."""

    invariant: str
    rows: list[dict[str, Any]]

    def __str__(self) -> str:
        more = f" and {len(self.rows) - _SHOWN} more" if len(self.rows) > _SHOWN else ""
        return f"{self.invariant}: {self.rows[:_SHOWN]}{more}"


@dataclass
class Expectation:
    """What a test knows beside the tables.

    `journal` are the ids of tasks whose submission was acknowledged; `keyed_inputs` the inputs that were sent, each
    under one key; `settled` says that nothing may be queued or running any more; `lost_workers` are those that were
    killed or frozen (None: any may be); `lease_seconds` is the lease of all workers, None to leave leases alone.
    """

    journal: Sequence[str] = ()
    keyed_inputs: Sequence[str] = ()
    settled: bool = True
    lost_workers: Sequence[str] | None = None
    lease_seconds: float | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        moves = [("task_submitted", "", "queued"), ("task_forked", "", "queued"), ("task_claimed", "queued", "running")]
        moves += [
            (row.event_type, str(one), str(row.to_status)) for row in TRANSITIONS.values() for one in row.from_statuses
        ]
        lost = None if self.lost_workers is None else list(self.lost_workers)
        return {
            "task_ids": list(self.journal),
            "keyed_inputs": list(self.keyed_inputs),
            "settled": self.settled,
            "lost_workers": lost,
            "lease_seconds": self.lease_seconds,
            "event_types": [move[0] for move in moves],
            "from_statuses": [move[1] for move in moves],
            "to_statuses": [move[2] for move in moves],
        }


def broken_invariants(url: str, expectation: Expectation | None = None) -> list[Broken]:
    """Every invariant that the tables break, seen in one snapshot."""
    parameters = (expectation or Expectation()).parameters
    found = []
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.execute("set transaction isolation level repeatable read")
        for name, statement in _queries():
            rows = connection.execute(statement, parameters).fetchall()
            if rows:
                found.append(Broken(name, rows))
    return found


def check_invariants(url: str, expectation: Expectation | None = None) -> None:
    """Fail with the name of each broken invariant and its rows."""
    found = broken_invariants(url, expectation)
    assert not found, "\n".join(["broken invariants:", *(f"  {one}" for one in found)])


async def check_everything(url: str, expectation: Expectation | None = None) -> None:
    """The same, and every stored checkpoint can be read back."""
    check_invariants(url, expectation)
    await read_every_checkpoint(url)


async def read_every_checkpoint(url: str) -> int:
    """Load all checkpoints of the tenant; raises StateCorrupt for one that cannot be. Gives how many there are."""
    async with Database(url, "par_worker") as database, GroupCommit(url, "checker") as commit:
        return len([one async for one in PostgresSaver(database, commit, OpenFence()).alist(None)])


def check_bill(server: ModelServerProcess, book: TaskBook, *, provider: str = "openai", exact: bool = False) -> None:
    """The model server's own books against ours: histories valid, no finished step asked twice, no reply charged twice.

    `exact` says that no worker died between a reply and its commit: then every reply is in the ledger.
    """
    log = server.log()
    assert server.violations() == []
    assert steps_asked_again(log) == []
    billed = Counter[str]()
    for entry in log:
        if entry["outcome"] == "answered":
            billed["replies"] += 1
            billed["input_tokens"] += entry["input_tokens"]
            billed["output_tokens"] += entry["output_tokens"]
    row = book.rows(
        "select count(*) as replies, coalesce(sum(input_tokens), 0)::bigint as input_tokens,"
        " coalesce(sum(output_tokens), 0)::bigint as output_tokens"
        " from par.ledger where kind = 'model' and provider = %(provider)s and not estimated",
        provider=provider,
    )[0]
    for name, amount in row.items():
        assert amount == billed[name] if exact else amount <= billed[name], (
            f"I7: {name} {amount}, billed {billed[name]}"
        )


def steps_asked_again(log: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Requests for a step of a task after a later step had been asked: the earlier one was durable by then."""
    furthest: dict[str, int] = {}
    again = []
    for entry in log:
        if entry["step"] < furthest.get(entry["task"], 0):
            again.append(entry)
        furthest[entry["task"]] = max(furthest.get(entry["task"], 0), entry["step"])
    return again


@dataclass
class Felt:
    """What a fault test must have seen of its fault, else it proves nothing."""

    seen: Counter[str] = field(default_factory=Counter)

    def add(self, what: str, times: int = 1) -> None:
        """Note that something was seen."""
        self.seen[what] += times

    def require(self, *wanted: str) -> None:
        """Fail as invalid when something was never seen."""
        missing = [what for what in wanted if not self.seen[what]]
        assert not missing, f"invalid run: the fault was not felt, never seen: {missing}; seen: {dict(self.seen)}"


@cache
def _queries() -> list[tuple[str, bytes]]:
    parts = _NAME.split(_SQL.read_text())[1:]
    return [(name, body.strip().encode()) for name, body in zip(parts[0::2], parts[1::2], strict=True)]
