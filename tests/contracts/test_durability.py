"""An effect starts only after what decided it is committed; a lost lease stops every effect that waits."""

import asyncio

import pytest

from agent_runtime.checkpointer.group_commit import Flushed
from agent_runtime.domain.errors import LeaseLost
from agent_runtime.domain.task_lifecycle import Move
from agent_runtime.store.flush import Unit
from agent_runtime.worker.maintenance.take_over import take_over
from tests.support.attempts import Desk, desk
from tests.support.invariants import Expectation, check_everything
from tests.support.tasks import TaskBook


@pytest.fixture
def book(database_url: str) -> TaskBook:
    book = TaskBook(database_url)
    book.add_agent()
    return book


def hold_back_writes(ours: Desk, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Writes wait until the event is set."""
    release = asyncio.Event()
    genuine = ours.commit.write

    async def held(unit: Unit, move: Move | None = None) -> Flushed:
        await release.wait()
        return await genuine(unit, move)

    monkeypatch.setattr(ours.commit, "write", held)
    return release


async def test_each_of_several_parallel_effects_waits_for_the_commit(
    book: TaskBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.submit()
    async with desk(book.url) as ours:
        (attempt,) = await ours.claim("w")
        release = hold_back_writes(ours, monkeypatch)
        attempt.gather()
        attempt.gather()
        effects = [asyncio.create_task(attempt.session.durable()) for _ in range(3)]
        done, _ = await asyncio.wait(effects, timeout=0.2)
        assert not done
        release.set()
        await asyncio.gather(*effects)
        assert len(book.rows("select checkpoint_id from par.checkpoints")) == 2


async def test_each_of_several_parallel_effects_is_stopped_by_a_lost_lease(book: TaskBook) -> None:
    book.submit()
    async with desk(book.url) as ours:
        (attempt,) = await ours.claim("w")
        await attempt.step()
        await take_over(ours.database)
        attempt.gather()
        effects = [asyncio.create_task(attempt.session.durable()) for _ in range(3)]
        results = await asyncio.gather(*effects, return_exceptions=True)
        assert [type(result) for result in results] == [LeaseLost] * 3
        with pytest.raises(LeaseLost):
            await attempt.session.durable()
        assert len(book.rows("select checkpoint_id from par.checkpoints")) == 1
    await check_everything(book.url, Expectation(settled=False))
