"""The client against the real API, and workers: what it does is done once, what its page shows works."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

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


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"example-{number + 1}" for number in range(len(EXAMPLES))])
async def test_the_examples_of_the_page_run(
    example: str, app: FastAPI, desk: Desk, start_worker: StartWorker, capfd: pytest.CaptureFixture[str]
) -> None:
    await desk.agent("assistant", **ASK)
    async with served(app) as url, start_worker():
        waiting = await desk.submit(call("calculator", "call-sum", expression="6 * 7"), agent_id="assistant")
        await desk.asks(waiting)
        program = example.replace("http://127.0.0.1:8080", url)
        assert url in program
        await asyncio.to_thread(exec, compile(program, "docs/python-client.md", "exec"), {"__name__": "__main__"})

    if "human_requests" in example:
        assert (await desk.task(waiting))["status"] != "waiting_for_approval"
    else:
        assert "completed" in capfd.readouterr().out
