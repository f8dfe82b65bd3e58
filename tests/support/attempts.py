"""Attempts by hand: claims, writes steps and ends tasks without a graph or a process, so that a test sets the order."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.checkpoint.base import Checkpoint, empty_checkpoint
from langgraph.checkpoint.base.id import uuid6

from agent_runtime.checkpointer.fence import Fence
from agent_runtime.checkpointer.group_commit import GroupCommit
from agent_runtime.checkpointer.session import Session
from agent_runtime.domain.task_lifecycle import Change, Move
from agent_runtime.store.claim import ClaimRequest, claim
from agent_runtime.store.database import Database
from agent_runtime.store.flush import CallRow
from agent_runtime.worker.claimed_task import ClaimedTask


@dataclass
class HandAttempt:
    """One claimed task whose steps are made by calling `step()`."""

    task: ClaimedTask
    session: Session
    parent_id: str | None = None
    number: int = -1
    messages: list[BaseMessage] = field(default_factory=list)

    def gather(self, *, cost: int | None = None, silent: bool = False) -> str:
        """A finished super-step, not flushed: with one message unless `silent`, a paid reply when `cost` is given."""
        self.number += 1
        if not silent:
            self._say(cost)
        checkpoint = _checkpoint(self.messages, self.number)
        metadata = {"source": "loop", "step": self.number}
        changed = {"messages": checkpoint["channel_versions"]["messages"]}
        self.session.add_checkpoint("", checkpoint, metadata, changed, self.parent_id)
        self.parent_id = checkpoint["id"]
        return checkpoint["id"]

    def _say(self, cost: int | None) -> None:
        message: BaseMessage = HumanMessage(f"turn {self.number}", id=str(uuid4()))
        if cost is not None:
            message = AIMessage(f"turn {self.number}", id=str(uuid4()))
            self.session.add_call(call_row(cost), message)
        self.messages = [*self.messages, message]

    async def step(self, *, cost: int | None = None, silent: bool = False) -> str:
        """A super-step, made durable."""
        identifier = self.gather(cost=cost, silent=silent)
        await self.session.flush()
        return identifier

    async def complete(self, text: str = "done") -> None:
        """End the task well."""
        output = json.dumps({"result": text, "structured": None})
        await self.session.flush(
            Move(self.task.tenant_id, self.task.task_id, Change.COMPLETE, output=output, retry_count=0)
        )

    def go_on(self, before: HandAttempt) -> HandAttempt:
        """Continue where another attempt was."""
        self.parent_id, self.number = before.parent_id, before.number
        self.messages = list(before.messages)
        known = dict(enumerate(self.messages))
        self.session.start_from("", known, len(known))
        return self


@dataclass
class Desk:
    """What workers share, without their loops."""

    database: Database
    commit: GroupCommit

    async def claim(self, worker_id: str, capacity: int = 1) -> list[HandAttempt]:
        """Claim for a worker, as its claim loop does."""
        rows = await claim(self.database, ClaimRequest(worker_id, "shared", capacity, per_lane=capacity))
        return [self.attempt(ClaimedTask.from_row(row)) for row in rows]

    def attempt(self, task: ClaimedTask) -> HandAttempt:
        """An attempt of a claimed task, with a session under its fence."""
        fence = Fence(task.tenant_id, task.task_id, task.attempt)
        return HandAttempt(task, Session(self.commit, fence, task.task_id, effects_wait=True))


@asynccontextmanager
async def desk(url: str, *, connections: int = 2) -> AsyncIterator[Desk]:
    """A pool and a group commit on a database."""
    async with Database(url, "par_worker") as database, GroupCommit(url, "desk", connections=connections) as commit:
        commit.active = 4
        yield Desk(database, commit)


def call_row(cost: int | None, **fields: Any) -> CallRow:
    """A metered reply."""
    values: dict[str, Any] = {
        "call_id": str(uuid4()),
        "checkpoint_id": None,
        "kind": "model",
        "provider": "scripted",
        "model": "priced",
        "input_tokens": 100,
        "output_tokens": 20,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "cost": cost,
        "estimated": False,
        "duration_ms": 1,
    }
    return CallRow(**(values | fields))


def _checkpoint(messages: list[BaseMessage], number: int) -> Checkpoint:
    checkpoint = empty_checkpoint()
    checkpoint["id"] = str(uuid6(clock_seq=number + 1))
    checkpoint["channel_values"] = {"messages": list(messages)}
    checkpoint["channel_versions"] = {"messages": number + 2}
    return checkpoint
