"""Tenants share the way to the database: who sends too much waits, and is refused, for itself alone."""

import asyncio
import json
from typing import Any

import pytest

from agent_runtime.domain.errors import Overloaded
from agent_runtime.store.database import Database, Row
from agent_runtime.store.submit import Submission, Submitter


class HeldDatabase(Database):
    """Takes each statement down and lets it end when told to."""

    def __init__(self) -> None:
        super().__init__("postgresql://nowhere", "par_api")
        self.tenants: list[str] = []
        self.open = asyncio.Event()

    async def tenant_rows(
        self,
        tenant_id: str,
        room: str,
        name: str,
        parameters: dict[str, Any] | None = None,
        *,
        prepare: bool | None = None,
    ) -> list[Row]:
        self.tenants.append(tenant_id)
        await self.open.wait()
        return [dict(task) for task in json.loads((parameters or {})["tasks"])]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_runtime.store.submit.MOST_WAITING", 20)
    monkeypatch.setattr("agent_runtime.store.submit.TASKS_PER_STATEMENT", 1)


async def submitted(submitter: Submitter, tenant_id: str, times: int, tasks: int = 1) -> list[asyncio.Task[list[Row]]]:
    """Submissions on their way."""
    rows = [{"agent_id": "a"}] * tasks
    made = [asyncio.create_task(submitter.submit(Submission(tenant_id, rows))) for _ in range(times)]
    await asyncio.sleep(0)
    return made


def refused(sent: list[asyncio.Task[list[Row]]]) -> int:
    return sum(each.done() and isinstance(each.exception(), Overloaded) for each in sent)


@pytest.mark.usefixtures("small")
async def test_a_tenant_that_sends_too_much_leaves_room_and_turns_to_the_others() -> None:
    database = HeldDatabase()
    submitter = Submitter(database)
    greedy = await submitted(submitter, "greedy", 60)
    others = [each for name in ("one", "two") for each in await submitted(submitter, name, 3)]
    assert (refused(greedy), refused(others)) == (48, 0), "two are being written, ten wait"
    database.open.set()
    assert [len(rows) for rows in await asyncio.gather(*others)] == [1] * 6
    assert set(database.tenants[2:8]) == {"greedy", "one", "two"}, "they take turns"
    assert len([each for each in await asyncio.gather(*greedy, return_exceptions=True) if isinstance(each, list)]) == 12
    assert refused(await submitted(submitter, "greedy", 1)) == 0, "room again"


async def test_large_batches_fill_the_share_of_their_own_tenant_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_runtime.store.submit.MOST_WAITING_TASKS", 4_000)
    database = HeldDatabase()
    submitter = Submitter(database)
    greedy = await submitted(submitter, "greedy", 10, 1_000)
    other = await submitted(submitter, "other", 2, 1_000)
    assert refused(greedy) > 0
    assert refused(other) == 0
    database.open.set()
    await asyncio.gather(*greedy, *other, return_exceptions=True)
