"""Plays the demo on a running system: submit, kill the worker mid-way, measure what follows."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from agent_runtime.cli.agent_documents import plan
from agent_runtime.cli.demonstration import play
from agent_runtime.cli.failure import CommandFailed
from agent_runtime.cli.task_progress import TaskProgress
from agent_runtime.cli.wording import result_text

if TYPE_CHECKING:
    from agent_runtime.client import RuntimeClient

KILL_AFTER_TOOL_RESULTS = 5
# Long enough to be inside the next model call, so that the kill interrupts work under way.
_INTO_THE_NEXT_CALL_SECONDS = 0.3
_DEADLINE_SECONDS = 55.0


@dataclass(frozen=True)
class DemoReport:
    """What came of it. Costs in microdollars; `takeover_seconds` runs from the kill to the next worker's claim."""

    task_id: str
    status: str
    result: str
    killed_worker_id: str
    killed_pid: int
    finished_by: str
    takeover_seconds: float
    steps_total: int
    steps_kept: int
    steps_repeated: int
    saved_cost_microdollars: int
    total_cost_microdollars: int
    duration_seconds: float

    @property
    def good(self) -> bool:
        """Whether the promise was kept."""
        return self.status == "completed" and self.steps_repeated == 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Audience(Protocol):
    """Who watches the demo."""

    def event(self, kind: str, data: dict[str, Any], worker_id: str) -> None: ...

    def killed(self, worker_id: str, pid: int) -> None: ...

    def taken_over(self, worker_id: str, seconds: float) -> None: ...


@dataclass
class _Course:
    """What has been seen so far."""

    task_id: str
    worker_id: str = ""
    victim: str = ""
    victim_pid: int = 0
    killed_at: float | None = None
    takeover_seconds: float | None = None
    results: Counter[str] = field(default_factory=Counter)
    progress: TaskProgress = field(default_factory=TaskProgress)

    @property
    def repeated(self) -> int:
        """Tool calls whose result was recorded more than once."""
        return sum(number - 1 for number in self.results.values())


class Performance:
    """One demo. `worker_pids` are the live workers of this machine by id, read anew when the kill is due."""

    def __init__(self, client: RuntimeClient, worker_pids: WorkerPids, audience: Audience) -> None:
        self._client = client
        self._worker_pids = worker_pids
        self._audience = audience

    async def play(self) -> DemoReport:
        """Raises CommandFailed when the task does not come to its end in time, or its worker cannot be killed."""
        started = time.monotonic()
        await self._prepare_agent()
        course = _Course(await self._submit())
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS):
                await self._follow(course)
        except TimeoutError:
            raise CommandFailed(f"The demo's task {course.task_id} did not end in {_DEADLINE_SECONDS:g} s.") from None
        return await self._report(course, time.monotonic() - started)

    async def _prepare_agent(self) -> None:
        wanted = play.agent()
        agent_plan = plan(wanted, await self._client.agents.find(play.AGENT_ID))
        if agent_plan.action == "create":
            await self._client.agents.create(agent_plan.body)
        elif agent_plan.action == "update":
            await self._client.agents.replace(play.AGENT_ID, agent_plan.body)

    async def _submit(self) -> str:
        from agent_runtime.client.task import TaskSubmission

        task = await self._client.tasks.submit(TaskSubmission(play.AGENT_ID, play.task_input(), labels={"demo": "par"}))
        return str(task["task_id"])

    async def _follow(self, course: _Course) -> None:
        killing: asyncio.Task[None] | None = None
        try:
            async for event in self._client.tasks.stream(course.task_id):
                self._notice(course, event.kind, event.data)
                if killing is None and course.results.total() >= KILL_AFTER_TOOL_RESULTS:
                    killing = asyncio.create_task(self._kill(course))
            if killing is not None:
                await killing
        finally:
            if killing is not None:
                killing.cancel()

    def _notice(self, course: _Course, kind: str, data: dict[str, Any]) -> None:
        course.progress.take(kind, data)
        if kind == "tool_result":
            course.results[str(data.get("tool_call_id"))] += 1
        if data.get("event_type") == "task_claimed":
            self._notice_claim(course, _worker_of(data))
        self._audience.event(kind, data, course.worker_id)

    def _notice_claim(self, course: _Course, worker_id: str) -> None:
        course.worker_id = worker_id
        if course.killed_at is not None and course.takeover_seconds is None and worker_id != course.victim:
            course.takeover_seconds = time.monotonic() - course.killed_at
            self._audience.taken_over(worker_id, course.takeover_seconds)

    async def _kill(self, course: _Course) -> None:
        await asyncio.sleep(_INTO_THE_NEXT_CALL_SECONDS)
        owner = (await self._client.tasks.get(course.task_id)).get("lease_owner")
        pid = (await asyncio.to_thread(self._worker_pids)).get(str(owner))
        if owner is None or pid is None:
            raise CommandFailed(f"The demo's task is not run by a worker of this machine (lease owner: {owner}).")
        course.victim, course.victim_pid, course.killed_at = str(owner), pid, time.monotonic()
        os.kill(pid, signal.SIGKILL)
        self._audience.killed(course.victim, pid)

    async def _report(self, course: _Course, seconds: float) -> DemoReport:
        task = await self._client.tasks.get(course.task_id)
        checkpoints = [checkpoint async for checkpoint in self._client.tasks.checkpoints(course.task_id)]
        # Those below 1 hold the input: nothing ran for them.
        steps = [checkpoint for checkpoint in checkpoints if checkpoint["step_number"] >= 1]
        if course.takeover_seconds is None:
            raise CommandFailed(f"The demo's task ended as {task['status']} before its worker could be replaced.")
        step_numbers = Counter(step["step_number"] for step in steps)
        return DemoReport(
            task_id=course.task_id,
            status=task["status"],
            result=result_text(task) or str(task.get("last_error_message") or ""),
            killed_worker_id=course.victim,
            killed_pid=course.victim_pid,
            finished_by=course.worker_id,
            takeover_seconds=round(course.takeover_seconds, 3),
            steps_total=len(steps),
            steps_kept=sum(step.get("worker_id") == course.victim for step in steps),
            steps_repeated=course.repeated + sum(number - 1 for number in step_numbers.values()),
            saved_cost_microdollars=task.get("saved_cost_microdollars") or 0,
            total_cost_microdollars=task.get("total_cost_microdollars") or 0,
            duration_seconds=round(seconds, 1),
        )


class WorkerPids(Protocol):
    """Tells the live workers of this machine: their pid by worker id."""

    def __call__(self) -> dict[str, int]: ...


def _worker_of(data: dict[str, Any]) -> str:
    details = data.get("details")
    nested = details.get("worker_id") if isinstance(details, dict) else None
    return str(data.get("worker_id") or nested or "")
