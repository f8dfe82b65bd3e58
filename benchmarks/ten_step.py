"""A ten-step agent run: the same graph bare, with LangGraph's savers, and as a durable task of ours, in one process."""

import asyncio
import gc
import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from agent_runtime.models.open_model import open_chat_model
from agent_runtime.models.providers import ModelOptions, ModelReference, Providers
from agent_runtime.tools.registry import build_tools
from agent_runtime.worker.garbage_collection import spare_the_garbage_collector
from benchmarks.attempts import open_attempts
from benchmarks.bed import Bed
from benchmarks.seed import add_agent, steps_script, submit
from benchmarks.table import Bar, Table, medians

# Five model calls that ask for a tool, five tool calls, and the answer.
SCRIPT = steps_script(5)
ONE_STEP = json.dumps({"script": [{"text": "done"}]})
_RUNS = {10: 50, 100: 150}
_ONE_STEP_TASKS = 4
# The first round is not counted: it lets every connection of the pool prepare its statements.
_WARM_UP_RUNS = 5
_BARS = {10: 0.60, 100: 0.75}
Batch = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Sample:
    """One timed batch: runs per second, and CPU milliseconds per run of this process and of PostgreSQL."""

    rate: float
    own_cpu_ms: float
    database_cpu_ms: float


async def run(bed: Bed, repeats: int) -> Table:
    """Measure at 10 and 100 concurrent."""
    # As in a worker, and for all contenders alike.
    spare_the_garbage_collector()
    setting = "A `create_agent` run of 5 model calls with a tool each and the answer (11 super-steps), one process."
    table = Table("ten_step", setting)
    for concurrency in (10, 100):
        samples = await _interleaved(bed, concurrency, repeats)
        rates = medians({name: [one.rate for one in found] for name, found in samples.items()})
        cpu = medians({name: [one.database_cpu_ms for one in found] for name, found in samples.items()})
        own = medians({name: [one.own_cpu_ms for one in found] for name, found in samples.items()})
        _add_lines(table, concurrency, rates, cpu)
        table.add(f"CPU of the process per run at {concurrency} concurrent", "ms", own["ours"], peer=own["bare"],
                  peer_name="bare graph", note=f"AsyncPostgresSaver {own['postgres']:.3g}")  # fmt: skip
    return table


def _add_lines(table: Table, concurrency: int, rates: dict[str, float], cpu: dict[str, float]) -> None:
    at = f"at {concurrency} concurrent"
    bare = {"peer": rates["bare"], "peer_name": "bare graph"}
    table.add(f"runs/s {at}", "runs/s", rates["ours"], **bare, bar=Bar(least=_BARS[concurrency], judged="ratio"))
    table.add(f"runs/s {at}", "runs/s", rates["ours"], peer=rates["postgres"], peer_name="AsyncPostgresSaver",
              bar=Bar(least=2.5, judged="ratio"))  # fmt: skip
    table.add(f"runs/s {at}, priced model (reserves before each call)", "runs/s", rates["priced"], **bare)
    table.add(f"AsyncPostgresSaver {at}", "runs/s", rates["postgres"], **bare)
    table.add(f"InMemorySaver {at}", "runs/s", rates["memory"], **bare)
    table.add(f"PostgreSQL CPU per run {at}", "ms", cpu["ours"], peer=cpu["postgres"], peer_name="AsyncPostgresSaver",
              bar=Bar(most=2.0))  # fmt: skip
    table.add(f"PostgreSQL CPU per one-step task {at}", "ms", cpu["one step"], bar=Bar(most=0.20))


async def _interleaved(bed: Bed, concurrency: int, repeats: int) -> dict[str, list[Sample]]:
    urls = [bed.database(), bed.database(migrated=False)]
    samples: dict[str, list[Sample]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        batches = await _batches(stack, urls, concurrency)
        for repeat in range(repeats + 1):
            for name, (prepare, batch) in batches.items():
                number = _RUNS[concurrency] * (_ONE_STEP_TASKS if name == "one step" else 1)
                if not repeat and name in ("ours", "priced"):
                    number *= _WARM_UP_RUNS
                await prepare(number)
                sample = await _timed(bed, batch, number)
                if name == "postgres":
                    _clear_away(bed, urls[1])
                if repeat:
                    samples[name].append(sample)
    for url in urls:
        bed.drop(url)
    return samples


def _clear_away(bed: Bed, url: str) -> None:
    """The vacuum and the checkpoint of what the peer has written belong to nobody else's measurement."""
    Bed.rows(url, "truncate checkpoints, checkpoint_blobs, checkpoint_writes")
    bed.settle()


async def _timed(bed: Bed, batch: Batch, number: int) -> Sample:
    gc.collect()
    cpu, own, began = bed.cpu_seconds(), time.process_time(), time.perf_counter()
    await batch(number)
    seconds, own = time.perf_counter() - began, time.process_time() - own
    return Sample(number / seconds, own * 1000 / number, (bed.cpu_seconds() - cpu) * 1000 / number)


async def _batches(stack: AsyncExitStack, urls: list[str], concurrency: int) -> dict[str, tuple[Batch, Batch]]:
    """By name: what prepares a batch outside the clock, and the batch."""
    for agent_id, model in (("agent", "default"), ("priced", "priced")):
        add_agent(urls[0], agent_id, model=model)
    pool = AsyncConnectionPool(
        urls[1], min_size=2, max_size=10, open=False,
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
    )  # fmt: skip
    await stack.enter_async_context(pool)
    postgres = AsyncPostgresSaver(pool)  # type: ignore[arg-type]
    await postgres.setup()
    attempts, api = await stack.enter_async_context(open_attempts(urls[0], concurrency))

    def submitting(text: str, agent_id: str) -> Batch:
        async def prepare(number: int) -> None:
            await submit(api, [text] * number, agent_id)

        return prepare

    async def in_memory(number: int) -> None:
        # A fresh one each time: what it has gathered would slow the collector down for all that run after it.
        await graph_batch(peer_graph(InMemorySaver()), concurrency)(number)

    return {
        "bare": (_nothing, graph_batch(peer_graph(None), concurrency)),
        "memory": (_nothing, in_memory),
        "postgres": (_nothing, graph_batch(peer_graph(postgres), concurrency)),
        "ours": (submitting(SCRIPT, "agent"), attempts.run),
        "priced": (submitting(SCRIPT, "priced"), attempts.run),
        "one step": (submitting(ONE_STEP, "agent"), attempts.run),
    }


async def _nothing(_number: int) -> None:
    return


def peer_graph(saver: Any) -> Any:
    """The graph that an agent of ours has, without our middleware, under another saver or none."""
    model = open_chat_model(ModelReference("scripted", "default"), ModelOptions(), Providers({}))
    return create_agent(model, tools=build_tools(("calculator",), dev_controls=False), checkpointer=saver)


def graph_batch(graph: Any, concurrency: int) -> Batch:
    """Runs of a graph, `concurrency` at a time."""

    async def one() -> None:
        config = {"configurable": {"thread_id": str(uuid4())}, "recursion_limit": 100}
        durability = {"durability": "sync"} if graph.checkpointer is not None else {}
        await graph.ainvoke({"messages": [HumanMessage(content=SCRIPT)]}, config, **durability)

    async def batch(number: int) -> None:
        left = iter(range(number))

        async def lane() -> None:
            for _ in left:
                await one()

        await asyncio.gather(*(lane() for _ in range(concurrency)))

    return batch
