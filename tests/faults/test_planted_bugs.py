"""The checker sees: each guard, taken away by changing one statement, turns it red; with the guard it is green."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from uuid import uuid4

import pytest

from agent_runtime.domain.errors import LeaseLost
from agent_runtime.domain.identifier import new_id
from agent_runtime.store import lease, queries
from agent_runtime.store.flush import flush
from agent_runtime.store.task_lifecycle import transition
from agent_runtime.worker.maintenance.take_over import _move_of, take_over
from tests.support.attempts import Desk, HandAttempt, desk
from tests.support.invariants import Expectation, broken_invariants
from tests.support.tasks import TaskBook
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker

LEASE_SECONDS = 12.0


@dataclass(frozen=True)
class Planted:
    """A change of one named statement."""

    room: str
    name: str
    changes: tuple[tuple[str, str], ...]


NO_ATTEMPT_IN_THE_FENCE = Planted("flush", "flush", (("coalesce(k.ended_at, 'infinity') = 'infinity' and ", ""),))
REAPER_WITHOUT_STATE_GUARD = Planted("task_lifecycle", "transition", ((" and k.status = any (m.from_statuses)", ""),))
KEY_LOOKED_UP_BEFORE_INSERT = Planted(
    "submit", "submit", (("where k.created_at < par.now() - interval '24 hours'", ""),)
)
WORKERS_CLOCK = Planted(
    "lease", "renew", (("lease_expires_at = par.now() +", "lease_expires_at = par.now() - interval '10 minutes' +"),)
)
LEDGER_NOT_KEYED = Planted(
    "flush",
    "flush",
    (("k.flush_number < u.flush_number", "true"), ("r.call_id, f.agent_id", "gen_random_uuid(), f.agent_id")),
)

Plant = Callable[[Planted], None]


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Iterator[Plant]:
    """Changes a statement for the length of a test; fails when the statement no longer has the guard as written."""
    genuine = queries._room

    def planted(bug: Planted) -> None:
        rooms = dict(genuine(bug.room))
        text = rooms[bug.name].decode()
        for guard, broken in bug.changes:
            assert text.count(guard) == 1, f"the guard {guard!r} is not in {bug.room}.{bug.name} as it was written here"
            text = text.replace(guard, broken)
        rooms[bug.name] = text.encode()
        monkeypatch.setattr(queries, "_room", lambda room: rooms if room == bug.room else genuine(room))
        _forget()

    yield planted
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    queries.query.cache_clear()
    queries.raw_query.cache_clear()


@pytest.fixture
def book(database_url: str) -> TaskBook:
    book = TaskBook(database_url)
    book.add_agent()
    return book


async def a_stale_worker_writes(ours: Desk, book: TaskBook) -> None:
    """Its task was taken over while it was away; then it writes its next step."""
    book.submit()
    (stale,) = await ours.claim("away")
    await stale.step()
    await stale.step(cost=140)
    await take_over(ours.database)
    (fresh,) = await ours.claim("fresh")
    fresh.go_on(stale)
    await fresh.step(cost=140)
    with suppress(LeaseLost):
        await stale.step(silent=True)
    await fresh.complete()


async def the_reaper_is_late(ours: Desk, book: TaskBook) -> None:
    """It saw the task with a dead worker, but the task completes before it moves it."""
    book.submit()
    (attempt,) = await ours.claim("slow")
    await attempt.step()
    rows = await lease.orphans(ours.database)
    assert len(rows) == 1
    await attempt.complete()
    async with ours.database.connection() as connection:
        await transition(connection, [_move_of(rows[0])])


async def a_write_is_repeated(ours: Desk, book: TaskBook) -> None:
    """The connection was lost after the commit, so the worker sends the same write again."""
    book.submit()
    (attempt,) = await ours.claim("repeating")
    attempt.gather()
    attempt.gather(cost=140)
    unit = attempt.session._unit
    await attempt.session.flush()
    # Messages, checkpoints and events have keys of their own; what is left is the money.
    for part in (unit.messages, unit.checkpoints, unit.events):
        part.clear()
    unit.step_count = 0
    async with desk(book.url) as other, other.database.connection() as connection:
        from agent_runtime.store import arrays

        arrays.register(connection)
        await flush(connection, [unit])
    await attempt.complete()


@pytest.mark.parametrize("with_bug", [False, True], ids=["guarded", "planted"])
@pytest.mark.parametrize(
    ("bug", "scenario", "invariant"),
    [
        (NO_ATTEMPT_IN_THE_FENCE, a_stale_worker_writes, "i3_"),
        (REAPER_WITHOUT_STATE_GUARD, the_reaper_is_late, "i2_"),
        (LEDGER_NOT_KEYED, a_write_is_repeated, "i7_"),
    ],
    ids=["fence", "reaper", "ledger"],
)
async def test_a_missing_guard_turns_the_checker_red(
    book: TaskBook,
    plant: Plant,
    bug: Planted,
    scenario: Callable[[Desk, TaskBook], Awaitable[None]],
    invariant: str,
    with_bug: bool,
) -> None:
    if with_bug:
        plant(bug)
    async with desk(book.url) as ours:
        await scenario(ours, book)
    broken = [one.invariant for one in broken_invariants(book.url)]
    assert any(name.startswith(invariant) for name in broken) == with_bug, broken
    assert with_bug or not broken


@pytest.mark.parametrize("with_bug", [False, True], ids=["guarded", "planted"])
async def test_a_key_looked_up_before_the_insert_turns_the_checker_red(
    book: TaskBook, plant: Plant, with_bug: bool
) -> None:
    if with_bug:
        plant(KEY_LOOKED_UP_BEFORE_INSERT)
    text, key = "once only", str(uuid4())
    everybody_looked = asyncio.Barrier(5)
    async with desk(book.url) as ours:
        answers = await asyncio.gather(*(_submit_under(ours, key, text, everybody_looked) for _ in range(5)))
    assert sum(answers) == (5 if with_bug else 1)
    broken = [one.invariant for one in broken_invariants(book.url, Expectation(keyed_inputs=[text], settled=False))]
    assert broken == (["i1_one_key_made_one_task"] if with_bug else [])


async def _submit_under(ours: Desk, key: str, text: str, everybody_looked: asyncio.Barrier) -> int:
    task = {
        "task_id": new_id(), "run_id": str(uuid4()), "agent_id": "agent", "input": text, "worker_pool_id": "shared",
        "priority": 4, "max_retries": 3, "max_steps": 100, "task_timeout_seconds": 60, "labels": {}, "ordinal": 0,
        "submission": 0,
    }  # fmt: skip
    submission = {"submission": 0, "idempotency_key": key, "request_hash": "00", "tasks": 1}
    seen = await ours.database.tenant_row("default", "idempotency", "read", {"idempotency_key": key})
    await everybody_looked.wait()
    assert seen is None
    parameters = {"tasks": json.dumps([task]), "submissions": json.dumps([submission])}
    return len(await ours.database.tenant_rows("default", "submit", "submit", parameters))


@pytest.mark.parametrize("with_bug", [False, True], ids=["guarded", "planted"])
async def test_a_lease_by_the_workers_clock_turns_the_checker_red(
    book: TaskBook, plant: Plant, start_worker: StartWorker, with_bug: bool
) -> None:
    if with_bug:
        plant(WORKERS_CLOCK)
    expectation = Expectation(lease_seconds=LEASE_SECONDS, lost_workers=[])
    async with start_worker("clock", lease_seconds=LEASE_SECONDS, heartbeat_seconds=0.05):
        beats = book.rows("select last_heartbeat_at from par.worker_sessions")

        async def beaten() -> bool:
            return book.rows("select last_heartbeat_at from par.worker_sessions") != beats

        await eventually(beaten, "the worker beats")
        broken = [one.invariant for one in broken_invariants(book.url, expectation)]
    assert broken == (["i11_leases_are_set_by_the_databases_clock"] if with_bug else [])


async def test_a_checkpoint_without_its_parent_is_named_with_its_rows(book: TaskBook) -> None:
    task_id = book.submit()
    async with desk(book.url) as ours:
        (attempt,) = await ours.claim("w")
        await _three_steps(attempt)
    book.rows("delete from par.checkpoints where step_number = 1")
    found = {one.invariant: str(one) for one in broken_invariants(book.url)}
    counted = {"i4_steps_are_counted_once", "i4_checkpoints_are_counted_once"}
    assert set(found) == {"i4_one_chain_of_checkpoints", *counted}
    assert task_id in found["i4_one_chain_of_checkpoints"]


async def _three_steps(attempt: HandAttempt) -> None:
    for _ in range(3):
        await attempt.step()
    await attempt.complete()
