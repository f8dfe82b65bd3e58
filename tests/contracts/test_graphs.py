"""Graphs on the path that runs in a worker: a session under a fence, crashed at any write and taken over."""

import operator
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage
from langgraph.channels import DeltaChannel
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages

from agent_runtime.checkpointer.fence import OpenFence
from agent_runtime.checkpointer.group_commit import Flushed
from agent_runtime.checkpointer.saver import PostgresSaver
from agent_runtime.domain.task_lifecycle import Change, Move
from agent_runtime.store.flush import Unit
from agent_runtime.worker.maintenance.take_over import take_over
from tests.support.attempts import Desk, HandAttempt, desk
from tests.support.invariants import Expectation, check_everything
from tests.support.tasks import TaskBook
from tests.support.waiting import eventually


class Crash(Exception):
    """The worker ends here."""


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    notes: Annotated[list[str], operator.add]


class Work:
    """Three nodes in a row, then two side by side; each waits until all before it is durable and counts its effect."""

    def __init__(self, kind: Any = State) -> None:
        self.attempt: HandAttempt | None = None
        self.effects: Counter[str] = Counter()
        self.failing: set[str] = set()
        graph = StateGraph(kind)
        for name in ("a", "b", "c", "left", "right", "end"):
            graph.add_node(name, self._node(name))
        for one, other in [(START, "a"), ("a", "b"), ("b", "c"), ("c", "left"), ("c", "right"), ("end", END)]:
            graph.add_edge(one, other)
        graph.add_edge(["left", "right"], "end")
        self.graph = graph.compile(checkpointer=True)

    def _node(self, name: str) -> Any:
        async def act(state: Any) -> dict[str, Any]:
            assert self.attempt is not None
            await self.attempt.session.durable()
            if name in self.failing:
                await self._until_the_sibling_is_durable()
                raise Crash(name)
            self.effects[name] += 1
            return {"messages": [AIMessage(f"said by {name}", id=f"id-{name}")], "notes": [name]}

        return act

    async def _until_the_sibling_is_durable(self) -> None:
        async def begun() -> bool:
            return self.attempt is not None and self.attempt.session._sibling_flush is not None

        await eventually(begun, "the sibling's writes are flushed")
        assert self.attempt is not None
        assert self.attempt.session._sibling_flush is not None
        await self.attempt.session._sibling_flush

    async def run(self, ours: Desk, attempt: HandAttempt, given: Any) -> dict[str, Any]:
        self.attempt = attempt
        saver = PostgresSaver.of_attempt(ours.database, ours.commit, attempt.session)
        configurable = {"thread_id": attempt.task.task_id, "checkpoint_ns": "", "__pregel_checkpointer": saver}
        return await self.graph.ainvoke(given, {"configurable": configurable}, durability="sync")


GIVEN = {"messages": [HumanMessage("begin", id="id-begin")], "notes": []}
SAID = ["begin", "said by a", "said by b", "said by c", "said by left", "said by right", "said by end"]


@pytest.fixture
def book(database_url: str) -> TaskBook:
    book = TaskBook(database_url)
    book.add_agent()
    return book


async def finish(attempt: HandAttempt) -> None:
    await attempt.session.flush(Move("default", attempt.task.task_id, Change.COMPLETE, output="{}", retry_count=0))


async def run_and_finish(work: Work, ours: Desk, attempt: HandAttempt) -> None:
    await work.run(ours, attempt, GIVEN)
    await finish(attempt)


async def next_attempt(ours: Desk) -> HandAttempt:
    await take_over(ours.database)
    (attempt,) = await ours.claim("next")
    return attempt


def crash_at(ours: Desk, monkeypatch: pytest.MonkeyPatch, write: int, *, after: bool) -> Counter[str]:
    """The worker ends before or after its nth write is committed."""
    genuine, seen = ours.commit.write, Counter[str]()

    async def crashing(unit: Unit, move: Move | None = None) -> Flushed:
        seen["writes"] += 1
        if seen["writes"] < write:
            return await genuine(unit, move)
        seen["crashes"] += 1
        if after and seen["crashes"] == 1:
            await genuine(unit, move)
        raise Crash(f"at write {write}")

    monkeypatch.setattr(ours.commit, "write", crashing)
    return seen


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", [1, 2, 3, 4, 5])
async def test_a_run_crashed_at_any_write_ends_with_the_same_state(
    book: TaskBook, monkeypatch: pytest.MonkeyPatch, write: int, after: bool
) -> None:
    task_id, work = book.submit(max_retries=10), Work()
    async with desk(book.url) as ours:
        (first,) = await ours.claim("first")
        with monkeypatch.context() as patched:
            seen = crash_at(ours, patched, write, after=after)
            with pytest.raises(Crash):
                await run_and_finish(work, ours, first)
            # Its timers would go on in this process; a dead worker has none.
            await take_over(ours.database)
        assert seen["crashes"], "invalid: the crash was not felt"
        if book.task(task_id)["status"] == "completed":
            assert (write, after) == (5, True)
            return
        second = await next_attempt(ours)
        begun = book.rows("select checkpoint_id from par.checkpoints limit 1")
        state = await work.run(ours, second, None if begun else GIVEN)
        await finish(second)
    assert [message.text for message in state["messages"]] == SAID
    assert sorted(state["notes"]) == ["a", "b", "c", "end", "left", "right"]
    assert max(work.effects.values()) <= 2
    repeated = [name for name, times in work.effects.items() if times > 1]
    assert len(repeated) <= 2, f"only what was not durable is done again: {work.effects}"
    await check_everything(book.url, Expectation([task_id]))


async def test_a_finished_sibling_of_a_crashed_step_does_not_run_again(book: TaskBook) -> None:
    task_id, work = book.submit(), Work()
    work.failing = {"right"}
    async with desk(book.url) as ours:
        (first,) = await ours.claim("first")
        with pytest.raises(Crash):
            await work.run(ours, first, GIVEN)
        work.failing = set()
        second = await next_attempt(ours)
        state = await work.run(ours, second, None)
        await finish(second)
    assert work.effects == Counter({"a": 1, "b": 1, "c": 1, "left": 1, "right": 1, "end": 1})
    assert [message.text for message in state["messages"]] == SAID
    await check_everything(book.url, Expectation([task_id]))


def _append(left: list[str], writes: Sequence[list[str]]) -> list[str]:
    return [*(left or []), *(item for one in writes for item in one)]


class DeltaState(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    notes: Annotated[list[str], DeltaChannel(_append, list, snapshot_frequency=3)]


async def test_a_graph_with_delta_channels_goes_on_where_it_was(book: TaskBook) -> None:
    task_id, work = book.submit(), Work(DeltaState)
    work.failing = {"right"}
    async with desk(book.url) as ours:
        (first,) = await ours.claim("first")
        with pytest.raises(Crash):
            await work.run(ours, first, GIVEN)
        work.failing = set()
        second = await next_attempt(ours)
        state = await work.run(ours, second, None)
        await finish(second)
    assert sorted(state["notes"]) == ["a", "b", "c", "end", "left", "right"]
    assert max(work.effects.values()) == 1
    await check_everything(book.url, Expectation([task_id]))


async def test_prune_leaves_no_message_that_nothing_holds_and_the_newest_state_whole(book: TaskBook) -> None:
    book.submit()
    async with desk(book.url) as ours:
        (attempt,) = await ours.claim("w")
        for _ in range(3):
            await attempt.step()
        attempt.messages = attempt.messages[-1:]
        await attempt.step()
        saver = PostgresSaver(ours.database, ours.commit, OpenFence())
        config: Any = {"configurable": {"thread_id": attempt.task.task_id, "checkpoint_ns": ""}}
        before = await saver.aget_tuple(config)
        await saver.aprune([attempt.task.task_id])
        after = await saver.aget_tuple(config)
    assert before is not None
    assert after is not None
    assert after.checkpoint == before.checkpoint
    assert len(book.rows("select checkpoint_id from par.checkpoints")) == 1
    assert len(book.rows("select sequence from par.messages")) == 2


@pytest.mark.parametrize("place", [0, -1], ids=["an old message", "the newest message"])
async def test_a_message_changed_in_place_is_stored_as_it_is_now(book: TaskBook, place: int) -> None:
    book.submit()
    async with desk(book.url) as ours:
        (attempt,) = await ours.claim("w")
        for _ in range(5):
            await attempt.step()
        changed: BaseMessage = attempt.messages[place]
        changed.content = "changed afterwards"
        await attempt.step(silent=True)
        saver = PostgresSaver(ours.database, ours.commit, OpenFence())
        found = await saver.aget_tuple({"configurable": {"thread_id": attempt.task.task_id, "checkpoint_ns": ""}})
    assert found is not None
    texts = [message.text for message in found.checkpoint["channel_values"]["messages"]]
    assert texts[place] == "changed afterwards"
    assert len(texts) == 5
