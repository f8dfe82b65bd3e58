"""The client against the real API, and workers: what it does is done once, what its page shows works."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from agent_runtime.cli.main import run
from agent_runtime.client import ClientOptions, RequestConflict, RetryPolicy, RuntimeClient, TaskSubmission
from tests.gates.conftest import Desk, call
from tests.gates.served import losing_answers, served
from tests.support.tasks import script
from tests.worker.conftest import StartWorker

ASK: dict[str, Any] = {"allowed_tools": ["calculator"], "tool_policies": {"calculator": {"policy": "ask"}}}
EXAMPLES = re.findall(r"```python\n(.*?)```", Path("docs/python-client.md").read_text(), re.DOTALL)


async def test_with_every_first_answer_lost_each_thing_happens_once(
    app: FastAPI, desk: Desk, start_worker: StartWorker
) -> None:
    await desk.agent(**ASK)
    policy = RetryPolicy(attempts=9, first_pause_seconds=0.01)
    text = script(call("calculator", "call-sum", expression="6 * 7"), {"text": "done"})
    async with served(app) as url, start_worker():
        async with losing_answers(url, 2) as lossy, RuntimeClient(ClientOptions(url=lossy, retry=policy)) as client:
            task_id = (await client.tasks.submit(TaskSubmission("careful", text)))["task_id"]
        async with losing_answers(url, 1) as lossy, RuntimeClient(ClientOptions(url=lossy, retry=policy)) as client:
            asked = await client.tasks.wait(task_id)
            request = await client.human_requests.of_task(task_id)
            assert request is not None
            assert request["request_id"] == asked["pending_approval_action"]["request_id"]
            await client.tasks.approve(task_id, request_id=request["request_id"], args={"expression": "6 * 8"})
            done = await client.tasks.wait(task_id)
            with pytest.raises(RequestConflict, match=f"{request['request_id']} was approved by"):
                await client.tasks.reject(task_id, "too late", request_id=request["request_id"])
            assert await client.human_requests.of_task(task_id) is None
        async with losing_answers(url, 1) as lossy, RuntimeClient(ClientOptions(url=lossy, retry=policy)) as client:
            await client.tasks.follow_up(task_id, "and now?")
            again = await client.tasks.wait(task_id)
            tasks = [task async for task in client.tasks.list({}, None)]

    assert (done["status"], again["status"]) == ("completed", "completed")
    assert [task["task_id"] for task in tasks] == [task_id]
    events = await desk.event_types(task_id)
    once = ("task_submitted", "task_approval_requested", "task_approved", "task_follow_up")
    assert {name: events.count(name) for name in once} == dict.fromkeys(once, 1)


class Terminal:
    """`par` in a thread of this process, against one server; what workers log stands between its lines."""

    def __init__(self, url: str, folder: Path, patch: pytest.MonkeyPatch, caught: pytest.CaptureFixture[str]) -> None:
        self._caught = caught
        for name, value in {"PAR_URL": url, "PAR_ENV_FILE": "", "PAR_DATA_DIR": str(folder)}.items():
            patch.setenv(name, value)

    async def par(self, *arguments: str, status: int = 0) -> str:
        """What one command line prints on stdout."""
        self._caught.readouterr()
        found = await asyncio.to_thread(run, list(arguments))
        caught = self._caught.readouterr()
        assert found == status, caught.err
        return caught.out

    async def json(self, *arguments: str) -> Any:
        printed = re.search(r"^\{$.*?^\}$", await self.par(*arguments, "--json"), re.DOTALL | re.MULTILINE)
        assert printed is not None
        return json.loads(printed[0])


async def test_people_answer_and_batches_run_by_par(
    app: FastAPI,
    desk: Desk,
    start_worker: StartWorker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await desk.agent(**{**ASK, "allowed_tools": ["calculator", "request_human_input"]})
    async with served(app) as url, start_worker():
        terminal = Terminal(url, tmp_path, monkeypatch, capsys)
        question = call("request_human_input", "call-ask", prompt="Which city?")
        task_id = await desk.submit(call("calculator", "call-sum", expression="6 * 7"), question, {"text": "done"})
        await desk.asks(task_id)
        await desk.asks(await desk.submit(call("calculator", "call-other", expression="1 + 1")))
        assert task_id in await terminal.par("approvals")
        assert "    expression: 6 * 7" in await terminal.par("approvals", "get", task_id)
        assert "6 * 8" in await terminal.par("approvals", "approve", task_id, "--args", '{"expression": "6 * 8"}')
        assert "Which city?" in await terminal.par("task", "watch", task_id, status=3)
        await terminal.par("approvals", "approve", task_id, status=7)
        await terminal.par("approvals", "respond", task_id, "Paris")
        assert "done" in await terminal.par("task", "watch", task_id)
        (tmp_path / "tasks.jsonl").write_text('{"input": "one"}\n"two"\n')
        submit = ("batch", "submit", str(tmp_path / "tasks.jsonl"), "--agent", "careful", "--wait")
        first = await terminal.json(*submit)
        again = await terminal.json(*submit)
        assert first["counts"] == {"completed": 2}
        assert again["batch_ids"] == first["batch_ids"]


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"example-{number + 1}" for number in range(len(EXAMPLES))])
async def test_the_examples_of_the_page_run(
    example: str, app: FastAPI, desk: Desk, start_worker: StartWorker, capfd: pytest.CaptureFixture[str]
) -> None:
    await desk.agent("assistant", **ASK)
    async with served(app) as url, start_worker():
        waiting = await desk.submit(call("calculator", "call-sum", expression="6 * 7"), agent_id="assistant")
        await desk.asks(waiting)
        # A batch of a dozen shows as much as one of 250, and in a test's time.
        program = example.replace("http://127.0.0.1:8080", url).replace("range(250)", "range(12)")
        assert url in program
        await asyncio.to_thread(exec, compile(program, "docs/python-client.md", "exec"), {"__name__": "__main__"})

    if "human_requests" in example:
        assert (await desk.task(waiting))["status"] != "waiting_for_approval"
    else:
        assert "completed" in capfd.readouterr().out
