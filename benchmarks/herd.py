"""A herd: 10 000 submissions within 5 seconds from 200 clients, each of which keeps to its times."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import median, quantiles

from benchmarks.bed import Bed
from benchmarks.http_client import Client
from benchmarks.processes import running_api
from benchmarks.seed import AGENT, add_agent
from benchmarks.table import Bar, Table

_CLIENTS = 200
_EACH = 50
_SECONDS = 5.0
_BODY = json.dumps({"agent_id": AGENT, "input": "Summarise the attached report in three sentences."}).encode()


@dataclass
class Herd:
    """What the clients saw."""

    answers: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def p99(self) -> float:
        """Seconds from the sending to the answer."""
        return quantiles(self.latencies, n=100)[98]


async def run(bed: Bed, repeats: int) -> Table:
    """The herd against one API process, with default settings."""
    url = bed.database()
    add_agent(url)
    with running_api(url) as port:
        herds = [await _stampede(port) for _ in range(min(repeats, 3))]
    (row,) = Bed.rows(url, "select count(*) as tasks from par.tasks")
    bed.drop(url)
    setting = f"{_CLIENTS} clients send {_EACH} tasks each within {_SECONDS:g} s to one API process, no worker."
    table = Table("herd", setting)
    table.add("p99 of an answer", "s", median(herd.p99 for herd in herds), bar=Bar(most=1))
    table.add("until the last answer", "s", median(herd.seconds for herd in herds))
    table.add("answered 201", "requests", median(herd.answers[201] for herd in herds))
    table.add("answered 429", "requests", median(herd.answers[429] for herd in herds))
    other = sum(herd.answers.total() - herd.answers[201] - herd.answers[429] for herd in herds)
    table.add("answered anything else, or nothing", "requests", other, bar=Bar(most=0))
    without = abs(row["tasks"] - sum(herd.answers[201] for herd in herds))
    table.add("answers of 201 without a task", "tasks", without, bar=Bar(most=0))
    return table


async def _stampede(port: int) -> Herd:
    herd, gap = Herd(), _SECONDS / _EACH
    began = time.perf_counter()
    await asyncio.gather(*(_client(port, herd, began + place / _CLIENTS * gap) for place in range(_CLIENTS)))
    herd.seconds = time.perf_counter() - began
    return herd


async def _client(port: int, herd: Herd, first: float) -> None:
    """Send at fixed times; one whose predecessor is not answered yet goes as soon as it is."""
    async with Client(port) as client:
        for number in range(_EACH):
            await asyncio.sleep(max(0.0, first + number * _SECONDS / _EACH - time.perf_counter()))
            sent = time.perf_counter()
            herd.answers[await _status(client)] += 1
            herd.latencies.append(time.perf_counter() - sent)


async def _status(client: Client) -> int:
    try:
        return await client.status("POST", "/v1/tasks", _BODY)
    except (OSError, asyncio.IncompleteReadError):
        return 0
