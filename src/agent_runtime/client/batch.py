"""Many tasks at once over HTTP: any number of submissions, cut into batches that the server takes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass

from agent_runtime.client.connection import Connection, JsonObject, segment
from agent_runtime.client.errors import WaitTimedOut
from agent_runtime.client.task import TaskSubmission

MOST_TASKS = 1_000
# Below the server's 16 MB, with room for what stands around the tasks.
_MOST_BYTES = 15_000_000
_ENDED = frozenset({"completed", "dead_letter"})
_WAITING = frozenset({"waiting_for_approval", "waiting_for_input", "paused"})
_SHORTEST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0

Submissions = Iterable[TaskSubmission | JsonObject] | AsyncIterable[TaskSubmission | JsonObject]


@dataclass(frozen=True)
class BatchWait:
    """How long to wait for batches (None: for ever), and whether a task that waits for a person or budget is enough."""

    timeout_seconds: float | None = None
    stop_at_waits: bool = True
    on_progress: Callable[[JsonObject], None] | None = None


class BatchCalls:
    """`client.batches`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def submit(
        self, submissions: Submissions, *, idempotency_key: str | None = None
    ) -> AsyncIterator[JsonObject]:
        """Submit them in order, in batches of at most 1 000; gives `{batch_id, items}` for each as it is taken.

        Each batch is taken whole or not at all. Under one `idempotency_key` the same submissions, sent again within a
        day, get the same tasks; `content_key` makes such a key of them.
        """
        base = idempotency_key or str(uuid.uuid4())
        number = 0
        async for bodies in _in_batches(submissions):
            answer: JsonObject = await self._connection.post(
                "/v1/tasks/batch", {"tasks": bodies}, idempotency_key=f"{base}-{number}-{_content_key(bodies)}"
            )
            yield answer
            number += 1

    async def get(self, batch_id: str) -> JsonObject:
        """`{batch_id, total, counts: {status: number}, total_cost_microdollars, created_at}`."""
        batch: JsonObject = await self._connection.get(f"/v1/batches/{segment(batch_id)}")
        return batch

    async def wait(self, batch_ids: str | Sequence[str], options: BatchWait | None = None) -> JsonObject:
        """Wait until every task of the batches has ended, or waits for a person or for budget.

        Gives `{total, counts, total_cost_microdollars}` over all of them. Raises WaitTimedOut.
        """
        wanted = [batch_ids] if isinstance(batch_ids, str) else list(batch_ids)
        chosen = options or BatchWait()
        try:
            async with asyncio.timeout(chosen.timeout_seconds):
                return await self._poll(wanted, chosen)
        except TimeoutError:
            waited = f"{chosen.timeout_seconds:g} s"
            raise WaitTimedOut(f"Not all tasks of {len(wanted)} batches have ended within {waited}.") from None

    async def _poll(self, batch_ids: list[str], options: BatchWait) -> JsonObject:
        settled = _ENDED | _WAITING if options.stop_at_waits else _ENDED
        pause = _SHORTEST_PAUSE_SECONDS
        while True:
            standing = added_up([await self.get(batch_id) for batch_id in batch_ids])
            if options.on_progress is not None:
                options.on_progress(standing)
            if sum(standing["counts"].get(status, 0) for status in settled) >= standing["total"]:
                return standing
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)


def added_up(batches: Sequence[JsonObject]) -> JsonObject:
    """`{total, counts, total_cost_microdollars}` over batches."""
    counts: dict[str, int] = {}
    for batch in batches:
        for status, number in batch["counts"].items():
            counts[status] = counts.get(status, 0) + number
    cost = sum(batch.get("total_cost_microdollars") or 0 for batch in batches)
    return {"total": sum(batch["total"] for batch in batches), "counts": counts, "total_cost_microdollars": cost}


def _content_key(bodies: list[JsonObject]) -> str:
    return hashlib.sha256(json.dumps(bodies, sort_keys=True).encode()).hexdigest()[:32]


async def _in_batches(submissions: Submissions) -> AsyncIterator[list[JsonObject]]:
    chosen: list[JsonObject] = []
    size = 0
    async for submission in _each(submissions):
        body = _body(submission)
        length = len(json.dumps(body)) + 2
        if chosen and (len(chosen) == MOST_TASKS or size + length > _MOST_BYTES):
            yield chosen
            chosen, size = [], 0
        chosen.append(body)
        size += length
    if chosen:
        yield chosen


async def _each(submissions: Submissions) -> AsyncIterator[TaskSubmission | JsonObject]:
    if isinstance(submissions, AsyncIterable):
        async for submission in submissions:
            yield submission
    else:
        for submission in submissions:
            yield submission


def _body(submission: TaskSubmission | JsonObject) -> JsonObject:
    return submission.body() if isinstance(submission, TaskSubmission) else submission
