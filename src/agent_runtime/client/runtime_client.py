"""The client's face: one object with a part for each room of the API.

async with RuntimeClient(ClientOptions(url="http://127.0.0.1:8080")) as client:
    task = await client.tasks.submit(TaskSubmission("research", "Why is the sky blue?"))
    task = await client.tasks.wait(task["task_id"])
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import TracebackType

from agent_runtime.client.access import AuditCalls, KeyCalls, TenantCalls
from agent_runtime.client.agent import AgentCalls
from agent_runtime.client.batch import BatchCalls
from agent_runtime.client.connection import ClientOptions, Connection, JsonObject, QueryValue, Reply
from agent_runtime.client.dead_letter import DeadLetterCalls
from agent_runtime.client.human_request import HumanRequestCalls
from agent_runtime.client.model import ModelCalls
from agent_runtime.client.task import TaskCalls
from agent_runtime.client.tool_server import ToolServerCalls
from agent_runtime.client.webhook import WebhookCalls
from agent_runtime.client.worker import WorkerCalls


class RuntimeClient:
    """An asynchronous client of one server. Use it in `async with`, or call `close()`."""

    def __init__(self, options: ClientOptions | None = None) -> None:
        self._connection = Connection(options or ClientOptions())
        self.tasks = TaskCalls(self._connection)
        self.batches = BatchCalls(self._connection)
        self.human_requests = HumanRequestCalls(self._connection)
        self.agents = AgentCalls(self._connection)
        self.dead_letters = DeadLetterCalls(self._connection)
        self.models = ModelCalls(self._connection)
        self.tool_servers = ToolServerCalls(self._connection)
        self.webhooks = WebhookCalls(self._connection)
        self.workers = WorkerCalls(self._connection)
        self.keys = KeyCalls(self._connection)
        self.tenants = TenantCalls(self._connection)
        self.audit = AuditCalls(self._connection)

    @property
    def url(self) -> str:
        return self._connection.options.url

    async def __aenter__(self) -> RuntimeClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._connection.close()

    async def stats(self, asked: Mapping[str, QueryValue] | None = None) -> JsonObject:
        """What a dashboard shows; `asked` are the query parameters `from`, `to`, `bucket` and `agent_id`."""
        answer: JsonObject = await self._connection.get("/v1/stats", asked)
        return answer

    def costs(self, asked: Mapping[str, QueryValue] | None = None) -> AsyncIterator[JsonObject]:
        """Spend by agent, model and day; `asked` are the query parameters of `GET /v1/costs`."""
        return self._connection.items("/v1/costs", asked or {}, None)

    async def health(self) -> JsonObject:
        """`{status, database, active_workers, queued_tasks, schema_version, version}`."""
        answer: JsonObject = await self._connection.get("/v1/health")
        return answer

    async def health_reply(self) -> Reply:
        """The health answer with its headers, whose `date` tells the server's clock."""
        return await self._connection.send("GET", "/v1/health")
