"""Plays the coding run on a running system: a bug is mended in a sandbox while its worker is killed twice."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_runtime.cli.agent_documents import plan
from agent_runtime.cli.demonstration import coding_play
from agent_runtime.cli.failure import CommandFailed
from agent_runtime.cli.wording import result_text, safe, safe_line

if TYPE_CHECKING:
    from agent_runtime.cli.demonstration.performance import WorkerPids
    from agent_runtime.cli.output import Output
    from agent_runtime.client import RuntimeClient

# Into the model's next turn: between two calls of tools.
_INTO_THE_NEXT_TURN_SECONDS = 0.3
_DEADLINE_SECONDS = 90.0


@dataclass
class CodingReport:
    """What came of it."""

    task_id: str
    status: str = ""
    result: str = ""
    killed: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    patch: str = ""
    duration_seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether the task completed with each command run once, although its worker was killed twice."""
        once = self.commands == list(coding_play.COMMANDS)
        kills = len(self.killed) == len(coding_play.KILLS)
        return self.status == "completed" and once and kills and "+    return" in self.patch

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class CodingRun:
    """One run. `worker_pids` are the live workers of this machine by id."""

    def __init__(self, client: RuntimeClient, worker_pids: WorkerPids, output: Output) -> None:
        self._client = client
        self._worker_pids = worker_pids
        self._output = output
        self._began = time.monotonic()
        self._results = 0
        self._killing: list[asyncio.Task[None]] = []

    async def play(self) -> CodingReport:
        """Raises CommandFailed when the task does not come to its end in time."""
        await self._prepare_agent()
        report = CodingReport(await self._submit())
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS):
                async for event in self._client.tasks.stream(report.task_id):
                    self._notice(report, event.kind, event.data)
        except TimeoutError:
            raise CommandFailed(f"The demo's task {report.task_id} did not end in {_DEADLINE_SECONDS:g} s.") from None
        finally:
            for killing in self._killing:
                killing.cancel()
        task = await self._client.tasks.get(report.task_id)
        report.status = task["status"]
        report.result = result_text(task) or str(task.get("last_error_message") or "")
        report.duration_seconds = round(time.monotonic() - self._began, 1)
        return report

    async def _prepare_agent(self) -> None:
        wanted = coding_play.agent()
        agent_plan = plan(wanted, await self._client.agents.find(coding_play.AGENT_ID))
        if agent_plan.action == "create":
            await self._client.agents.create(agent_plan.body)
        elif agent_plan.action == "update":
            await self._client.agents.replace(coding_play.AGENT_ID, agent_plan.body)

    async def _submit(self) -> str:
        from agent_runtime.client.task import TaskSubmission

        with tempfile.TemporaryDirectory(prefix="par-demo-") as folder:
            archive = coding_play.write_archive(Path(folder))
            submission = TaskSubmission(coding_play.AGENT_ID, coding_play.task_input(), labels={"demo": "par"})
            task = await self._client.tasks.submit(submission, files=[archive])
        return str(task["task_id"])

    def _notice(self, report: CodingReport, kind: str, data: dict[str, Any]) -> None:
        if kind == "tool_result":
            self._take_result(report, str(data.get("result") or ""))
        elif kind == "turn" and data.get("kind") != "user_turn":
            self._show(safe_line(data.get("text") or "", 90))
        elif data.get("event_type") == "task_claimed":
            self._show(f"worker {data.get('worker_id')} runs the task")

    def _take_result(self, report: CodingReport, result: str) -> None:
        self._results += 1
        self._show("    " + safe_line(result.replace("\n", " | "), 100))
        if "Ran 1 test" in result:
            report.tests.append("failed" if "FAILED" in result else "passed")
        if "ran:\n" in result:
            report.commands = coding_play.commands_run(result)
            report.patch = result.partition("stdout:\n")[2].partition("ran:\n")[0]
        if self._results in coding_play.KILLS:
            self._killing.append(asyncio.create_task(self._kill(report)))

    async def _kill(self, report: CodingReport) -> None:
        await asyncio.sleep(_INTO_THE_NEXT_TURN_SECONDS)
        owner = (await self._client.tasks.get(report.task_id)).get("lease_owner")
        pid = (await asyncio.to_thread(self._worker_pids)).get(str(owner))
        if owner is None or pid is None:
            self._show(f"the task is not run by a worker of this machine (lease owner: {owner})")
            return
        os.kill(pid, signal.SIGKILL)
        report.killed.append(str(owner))
        self._show(f"{'*' * 10}  kill -9 {pid}: worker {owner} is dead; the sandbox lives on")

    def _show(self, text: str) -> None:
        self._output.talk(f"{time.monotonic() - self._began:5.1f} s  {text}")


def tell(output: Output, report: CodingReport) -> None:
    """The closing figures."""
    if output.as_json:
        output.json(report.as_json())
        return
    output.line("")
    for line in report.patch.rstrip().splitlines():
        output.line("    " + safe(line))
    output.line("")
    for label, value in (
        ("Result", safe_line(report.result)),
        ("Tests", ", then ".join(report.tests)),
        ("Workers killed", ", ".join(report.killed)),
        ("Commands run", f"{', '.join(report.commands)} ({'each once' if report.good else 'not as they should'})"),
        ("Patch", f"file {coding_play.PATCH} of task {report.task_id}"),
        ("Took", f"{report.duration_seconds:g} s"),
    ):
        output.line(f"{label.ljust(16)}  {value}")
