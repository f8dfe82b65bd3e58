"""What the attempts of a worker share, and what each of them opens for its tools."""

import asyncio
import importlib
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial

from agent_runtime.agent.graph import AgentBuilder
from agent_runtime.artifacts.object_store import ObjectStore
from agent_runtime.artifacts.task_artifacts import TaskArtifacts
from agent_runtime.checkpointer.group_commit import GroupCommit
from agent_runtime.checkpointer.session import Session
from agent_runtime.domain.agent_config import AgentConfig
from agent_runtime.domain.retry import Backoff
from agent_runtime.domain.sandbox import SandboxChoice
from agent_runtime.safe_http import PUBLIC_ONLY, SafeClient, SafeTransport, Targets
from agent_runtime.store.database import Database
from agent_runtime.store.secret import Secrets
from agent_runtime.store.tool_result import TaskResults
from agent_runtime.tool_servers.attempt_servers import AttemptServers
from agent_runtime.tool_servers.programs import Program
from agent_runtime.tool_servers.registered import connection_from
from agent_runtime.tools.services import ToolServices
from agent_runtime.tools.web_search import WebSearch
from agent_runtime.worker.claimed_task import ClaimedTask
from agent_runtime.worker.live_text import LiveText
from agent_runtime.worker.price_list import PriceList
from agent_runtime.worker.sandboxes import WorkerSandboxes


@dataclass(frozen=True)
class AttemptServices:
    """What every attempt of a worker shares."""

    database: Database
    commit: GroupCommit
    agents: AgentBuilder
    prices: PriceList
    live_text: LiveText
    backoff: Backoff
    worker_id: str
    objects: ObjectStore
    pages: SafeClient
    search: WebSearch
    sandboxes: WorkerSandboxes
    secrets: Secrets = field(default_factory=lambda: Secrets(None))
    programs: Mapping[str, Program] = field(default_factory=dict)
    tool_seconds: float = 900.0
    targets: Targets = PUBLIC_ONLY


async def open_services(
    stack: AsyncExitStack, task: ClaimedTask, config: AgentConfig, services: AttemptServices, session: Session
) -> ToolServices:
    """What the tools of one attempt share; all that it holds is closed with `stack`.

    A room that has to be ready before the first step opens it here, one that can wait opens it at its first use.
    """
    files = TaskArtifacts(
        services.database, services.objects, task.tenant_id, task.task_id, task.run_number, task.attempt
    )
    results = TaskResults(services.database, task.tenant_id, task.task_id, task.attempt)
    tools = ToolServices(artifacts=files, results=results, http=services.pages, search=services.search)
    choice = SandboxChoice.of(config.sandbox)
    if choice is not None:
        tools.sandbox = services.sandboxes.open(stack, task, choice, files, session)
    if config.tool_servers:
        tools.tool_servers = await _open_tool_servers(stack, task.tenant_id, config, services)
    return tools


async def _open_tool_servers(
    stack: AsyncExitStack, tenant_id: str, config: AgentConfig, services: AttemptServices
) -> AttemptServers:
    # The protocol's library takes a second to load, which only agents with tool servers pay, off the loop.
    sessions = await asyncio.to_thread(importlib.import_module, "agent_runtime.tool_servers.mcp_session")
    connect = partial(sessions.connect, open_transport=partial(SafeTransport, services.targets))
    servers = AttemptServers(services.database, tenant_id, connect)
    stack.push_async_callback(servers.close)
    reach = partial(connection_from, services.database, services.secrets, services.programs, tenant_id)
    await servers.open(config.tool_servers, reach, len(config.allowed_tools))
    return servers
