"""A thread of 400 steps of 2 KB: time per step, its growth, and what it takes on disk and in the write-ahead log."""

import operator
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Annotated, Any
from uuid import uuid4

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from agent_runtime.checkpointer.fence import Fence
from agent_runtime.checkpointer.group_commit import GroupCommit
from agent_runtime.checkpointer.saver import PostgresSaver
from agent_runtime.checkpointer.session import Session
from agent_runtime.domain.task_lifecycle import Change, Move
from agent_runtime.store.claim import ClaimRequest, claim
from agent_runtime.store.database import Database
from agent_runtime.store.flush import CallRow
from agent_runtime.worker.garbage_collection import spare_the_garbage_collector
from benchmarks.bed import Bed
from benchmarks.seed import TENANT, add_agent, noise, submit
from benchmarks.table import Bar, Table, medians

STEPS = 400
_CONTENT_BYTES = 2048
_MOST_REPEATS = 3
_SIZES = (
    "select sum(pg_total_relation_size(c.oid)) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where c.relkind = 'r' and n.nspname in ('par', 'public')"
)
_STORED = (
    "select (select coalesce(sum(octet_length(body)), 0) from par.messages)"
    " + (select coalesce(sum(octet_length(state)), 0) from par.checkpoints)"
    " + (select coalesce(sum(octet_length(body)), 0) from par.channel_values)"
    " + (select coalesce(sum(octet_length(body)), 0) from par.checkpoint_writes)"
)


class _State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    count: Annotated[int, operator.add]


@dataclass(frozen=True)
class _Run:
    """One thread, run to its end."""

    step_ms: list[float]
    disk_bytes: int
    log_bytes: int
    stored_bytes: int

    @property
    def mean_ms(self) -> float:
        """Milliseconds per step over the whole thread."""
        return sum(self.step_ms) / len(self.step_ms)

    @property
    def growth(self) -> float:
        """Steps 351 to 400 against steps 26 to 75."""
        return median(self.step_ms[350:400]) / median(self.step_ms[25:75])


async def run(bed: Bed, repeats: int) -> Table:
    """Measure ours and AsyncPostgresSaver in turns, each thread in a fresh database."""
    # As in a worker, and for all contenders alike.
    spare_the_garbage_collector()
    found: dict[str, list[_Run]] = defaultdict(list)
    for _ in range(min(repeats, _MOST_REPEATS)):
        for name, measure in (("ours", _ours), ("postgres", _peer)):
            found[name].append(await measure(bed))
    setting = f"One thread of {STEPS} steps, each appends a message of 2 KB; every step durable before the next."
    table = Table("history", setting)
    _add_lines(table, found)
    return table


def _add_lines(table: Table, found: dict[str, list[_Run]]) -> None:
    def line(measure: str, unit: str, bar: Bar, of: Callable[[_Run], float]) -> None:
        values = medians({name: [of(one) for one in runs] for name, runs in found.items()})
        table.add(measure, unit, values["ours"], peer=values["postgres"], peer_name="AsyncPostgresSaver", bar=bar)

    line("time per step", "ms", Bar(most=3.0), lambda one: one.mean_ms)
    line("growth of a step, from step 50 to step 400", "times", Bar(most=1.6), lambda one: one.growth)
    stored = median(one.stored_bytes for one in found["ours"]) / STEPS / 1000
    table.add("bytes of content stored per step", "KB", stored, bar=Bar(most=2.9))
    line("on disk at 400 steps, tables and indexes", "MB", Bar(most=2.5), lambda one: one.disk_bytes / 1e6)
    line("write-ahead log per step", "KB", Bar(most=4.5), lambda one: one.log_bytes / STEPS / 1000)


async def _timed(bed: Bed, url: str, act: Callable[[list[float]], Awaitable[None]]) -> _Run:
    disk, log = bed.value(url, _SIZES) or 0, bed.wal_bytes()
    marks = [time.perf_counter()]
    await act(marks)
    steps = [(after - before) * 1000 for before, after in pairwise(marks)]
    log = bed.wal_bytes() - log
    disk = (bed.value(url, _SIZES) or 0) - disk
    stored = bed.value(url, _STORED) if bed.value(url, "select to_regclass('par.messages')") else 0
    return _Run(steps, int(disk), log, int(stored))


async def _ours(bed: Bed) -> _Run:
    """A claimed attempt whose node waits, as a model call does, until all before it is durable."""
    url = bed.database()
    add_agent(url)
    async with (
        Database(url, "par_worker") as database,
        Database(url, "par_api") as api,
        GroupCommit(url, "bench") as commit,
    ):
        await submit(api, ["start"])

        async def act(marks: list[float]) -> None:
            (row,) = await claim(database, ClaimRequest("bench", "shared", capacity=1))
            task_id = str(row["task_id"])
            commit.active = 1
            session = Session(commit, Fence(TENANT, task_id, row["attempt"]), task_id, effects_wait=True)
            graph = _graph(_durable_step(session), marks, PostgresSaver.of_attempt(database, commit, session))
            await graph.ainvoke(_FIRST, _config(task_id), durability="sync")
            move = Move(TENANT, task_id, Change.COMPLETE, output="{}", retry_count=0, crash_count=0)
            await session.flush(move)

        result = await _timed(bed, url, act)
    bed.drop(url)
    return result


async def _peer(bed: Bed) -> _Run:
    url = bed.database(migrated=False)
    async with AsyncPostgresSaver.from_conn_string(url) as saver:
        await saver.setup()

        async def act(marks: list[float]) -> None:
            graph = _graph(_plain_step, marks, saver)
            await graph.ainvoke(_FIRST, _config(str(uuid4())), durability="sync")

        result = await _timed(bed, url, act)
    bed.drop(url)
    return result


_FIRST: Any = {"messages": [HumanMessage(content="start")], "count": 0}


def _config(thread_id: str) -> Any:
    return {"configurable": {"thread_id": thread_id}, "recursion_limit": STEPS + 10}


def _graph(step: Callable[[int], Awaitable[AIMessage]], marks: list[float], saver: Any) -> Any:
    async def node(state: _State) -> dict[str, Any]:
        message = await step(state["count"])
        marks.append(time.perf_counter())
        return {"messages": [message], "count": 1}

    builder = StateGraph(_State)
    builder.add_node("step", node)
    builder.add_edge(START, "step")
    builder.add_conditional_edges("step", lambda state: END if state["count"] >= STEPS else "step")
    return builder.compile(checkpointer=saver)


async def _plain_step(number: int) -> AIMessage:
    return AIMessage(content=noise(_CONTENT_BYTES, number), id=str(uuid4()))


def _durable_step(session: Session) -> Callable[[int], Awaitable[AIMessage]]:
    async def step(number: int) -> AIMessage:
        await session.durable()
        session.node_name = "model"
        message = await _plain_step(number)
        session.add_call(_call(), message)
        return message

    return step


def _call() -> CallRow:
    return CallRow(
        call_id=str(uuid4()), checkpoint_id=None, kind="model", provider="scripted", model="default", input_tokens=100,
        output_tokens=20, cache_read_tokens=0, cache_write_tokens=0, cost=140, estimated=False, duration_ms=1,
    )  # fmt: skip
