"""A fork asks before it repeats what the task that it was made from may have done already."""

from typing import Any

from tests.gates.conftest import Desk, call
from tests.worker.conftest import StartWorker

UNSAFE: dict[str, Any] = {"allowed_tools": ["dev_sleep"], "tool_policies": {"dev_sleep": {"idempotent": False}}}


async def test_a_fork_asks_before_a_tool_that_is_not_safe_to_repeat(desk: Desk, start_worker: StartWorker) -> None:
    await desk.agent(**UNSAFE)
    async with start_worker():
        task_id = await desk.submit(call("dev_sleep", "call-nap", seconds=0), {"text": "rested"})
        await desk.reaches(task_id, "completed")
        assert "task_approval_requested" not in await desk.event_types(task_id)
        points = (await desk.api.get(f"/v1/tasks/{task_id}/checkpoints")).json()["items"]
        before_the_call = next(point for point in points if point["node_name"] == "model")
        forked = await desk.act(task_id, "fork", checkpoint_id=before_the_call["checkpoint_id"])
        assert forked.status_code == 201, forked.text
        fork_id = forked.json()["task_id"]
        action = await desk.asks(fork_id)
        assert action["reason"] == "forked"
        assert action["tool_name"] == "dev_sleep"
        assert (await desk.act(fork_id, "approve")).status_code == 200
        await desk.reaches(fork_id, "completed")
    assert await desk.results(fork_id) == ["slept 0 seconds"]
