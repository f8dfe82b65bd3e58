"""What a worker does to the database, by the same statements, for tests of what the API shows of it."""

import json
from typing import Any

import psycopg

from agent_runtime.domain.human_request import Question, Why
from agent_runtime.domain.task_lifecycle import Change, Failure, Move
from agent_runtime.store.claim import ClaimRequest, claim
from agent_runtime.store.database import Database, Row
from agent_runtime.store.task_lifecycle import transition

WORKER_ID = "stand-in"


class StandInWorker:
    """Open it with `async with`; it has a session like any worker."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._database = Database(database_url, "par_worker")

    async def __aenter__(self) -> "StandInWorker":
        await self._database.__aenter__()
        self.execute(
            "insert into par.worker_sessions (worker_id, worker_pool_id, status, host, pid, version, capacity,"
            " lock_key, lease_expires_at)"
            " values (%s, 'shared', 'online', 'here', 1, '0', 10, 1, par.now() + interval '1 minute')",
            WORKER_ID,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._database.__aexit__()

    def execute(self, statement: str, *parameters: Any) -> None:
        """Run a statement as the database's owner."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(statement.encode(), parameters)

    async def claim(self) -> list[Row]:
        """Claim everything that is queued."""
        return await claim(self._database, ClaimRequest(WORKER_ID, "shared", capacity=100, per_lane=100, agents=100))

    async def land(self, move: Move) -> None:
        """Land one move."""
        async with self._database.transaction() as connection:
            assert await transition(connection, [move]), f"{move.change} did not land"

    async def complete(self, task_id: str, result: str = "Because.") -> None:
        """Complete a running task."""
        output = json.dumps({"result": result, "structured": None})
        await self.land(Move("default", task_id, Change.COMPLETE, output=output))

    async def fail(self, task_id: str, message: str = "It broke.") -> None:
        """Make a dead letter of a running task."""
        failure = Failure("tool_error", message, "v1:abc")
        reason = "non_retryable_error"
        await self.land(Move("default", task_id, Change.FAIL, failure=failure, dead_letter_reason=reason))

    async def pause(self, task_id: str) -> None:
        """Pause a running task by its own budget."""
        await self.land(Move("default", task_id, Change.PAUSE, pause_reason="budget_per_task", pause_details={}))

    async def ask(self, task_id: str, kind: str) -> None:
        """Have a task claimed and wait for a person."""
        await self.claim()
        question = Question(kind, "May I?", "pay", "call-1", 0, {"amount": 5}, str(Why.POLICY))
        change = Change.ASK_INPUT if kind == "input" else Change.ASK_APPROVAL
        await self.land(Move("default", task_id, change, request=question.request(600), details={}))

    def write_turn(self, task_id: str, sequence: int, kind: str, message: dict[str, Any], **columns: Any) -> None:
        """Write a message and the timeline entry that refers to it."""
        body = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")
        self.execute(
            "insert into par.messages (tenant_id, task_id, namespace, sequence, checksum, body)"
            " values ('default', %s, '', %s, 0, %s)",
            task_id,
            sequence,
            body,
        )
        self.execute(
            "insert into par.events (tenant_id, task_id, sequence, kind, agent_id, message_namespace, message_sequence,"
            " tool_call_id, tool_name, created_at)"
            " values ('default', %s, %s, %s, 'research', '', %s, %s, %s, par.now())",
            task_id, sequence, kind, sequence, columns.get("tool_call_id"), columns.get("tool_name"),
        )  # fmt: skip
        self.execute(
            "update par.attempts set last_sequence = %s where task_id = %s and ended_at is null", sequence, task_id
        )
