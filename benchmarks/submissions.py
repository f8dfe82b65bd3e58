"""Submissions over HTTP: single ones from 16 clients, and batches of 500."""

import asyncio
import json
import time
from statistics import median

from benchmarks.bed import Bed
from benchmarks.http_client import Client
from benchmarks.processes import running_api
from benchmarks.seed import AGENT, add_agent
from benchmarks.table import Bar, Table

_CLIENTS = 16
_SINGLE = 2000
_BATCH_CLIENTS = 2
_BATCHES = 20
_BATCH_TASKS = 500
_TASK = {"agent_id": AGENT, "input": "Summarise the attached report in three sentences."}


async def run(bed: Bed, repeats: int) -> Table:
    """Single submissions and batches in turns against one API process."""
    url = bed.database()
    add_agent(url)
    single, batched = json.dumps(_TASK).encode(), json.dumps({"tasks": [_TASK] * _BATCH_TASKS}).encode()
    singles: list[float] = []
    batches: list[float] = []
    with running_api(url) as port:
        await _rate(port, "/v1/tasks", single, _CLIENTS, 200)
        for _ in range(repeats):
            singles.append(await _rate(port, "/v1/tasks", single, _CLIENTS, _SINGLE))
            batches.append(await _rate(port, "/v1/tasks/batch", batched, _BATCH_CLIENTS, _BATCHES) * _BATCH_TASKS)
    bed.drop(url)
    setting = "One API process over HTTP on the loopback, no worker; each answer means a committed task."
    table = Table("submissions", setting)
    table.add(f"single submissions, {_CLIENTS} clients", "tasks/s", median(singles), bar=Bar(least=800))
    table.add(f"batches of {_BATCH_TASKS}, {_BATCH_CLIENTS} clients", "tasks/s", median(batches), bar=Bar(least=15_000))
    return table


async def _rate(port: int, path: str, body: bytes, clients: int, number: int) -> float:
    """Requests per second."""
    left = iter(range(number))

    async def lane() -> None:
        async with Client(port) as client:
            for _ in left:
                await client.post(path, body)

    began = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(clients)))
    return number / (time.perf_counter() - began)
