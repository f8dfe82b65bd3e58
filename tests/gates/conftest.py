"""People at the API, and workers in the test's own process, on one database."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import api, app, settings
from tests.support.tasks import script
from tests.support.waiting import eventually
from tests.worker.conftest import start_worker

__all__ = ["api", "app", "settings", "start_worker"]

Json = dict[str, Any]


class Desk:
    """A person's view: submits tasks, waits for what they ask, answers."""

    def __init__(self, api: httpx.AsyncClient) -> None:
        self.api = api

    async def agent(self, agent_id: str = "careful", **config: Any) -> str:
        body: Json = {"agent_id": agent_id, "agent_config": {"provider": "scripted", "model": "default", **config}}
        answer = await self.api.post("/v1/agents", json=body)
        assert answer.status_code == 201, answer.text
        return agent_id

    async def submit(self, *turns: Json, agent_id: str = "careful", **fields: Any) -> str:
        answer = await self.api.post("/v1/tasks", json={"agent_id": agent_id, "input": script(*turns), **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["task_id"])

    async def task(self, task_id: str) -> Json:
        answer = await self.api.get(f"/v1/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def reaches(self, task_id: str, *statuses: str) -> Json:
        found: Json = {}

        async def there() -> bool:
            found.update(await self.task(task_id))
            return found["status"] in statuses

        await eventually(there, f"the task is {' or '.join(statuses)}")
        return found

    async def asks(self, task_id: str, *, tool_call_id: str | None = None) -> Json:
        """Wait for the approval that is open now and give it."""
        found: Json = {}

        async def there() -> bool:
            action = (await self.task(task_id))["pending_approval_action"]
            found.update(action or {})
            return action is not None and (tool_call_id is None or action["tool_call_id"] == tool_call_id)

        await eventually(there, "the task asks")
        return found

    async def act(self, task_id: str, verb: str, **body: Any) -> httpx.Response:
        return await self.api.post(f"/v1/tasks/{task_id}/{verb}", json=body)

    async def results(self, task_id: str) -> list[str]:
        """Results of the tool calls in their order."""
        answer = await self.api.get(f"/v1/tasks/{task_id}/activity")
        return [item["result"] for item in answer.json()["items"] if item["kind"] == "tool_result"]

    async def event_types(self, task_id: str) -> list[str]:
        answer = await self.api.get(f"/v1/tasks/{task_id}/events")
        return [event["event_type"] for event in answer.json()["items"]]


@pytest.fixture
async def desk(api: httpx.AsyncClient) -> Desk:
    """A person's desk."""
    return Desk(api)


def call(tool: str, call_id: str, **arguments: Any) -> Json:
    """One call of a turn with several."""
    return {"tool": tool, "args": arguments, "id": call_id}
