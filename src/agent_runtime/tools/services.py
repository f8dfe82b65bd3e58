"""What the tools of one attempt share. The worker opens it with the attempt and closes it at the attempt's end."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_runtime.artifacts.task_artifacts import TaskArtifacts
    from agent_runtime.safe_http import SafeClient
    from agent_runtime.sandboxes.task_sandbox import TaskSandbox
    from agent_runtime.store.tool_result import TaskResults
    from agent_runtime.tools.web_search import WebSearch


@dataclass(slots=True)
class ToolServices:
    """Each part opens what it holds when a tool first needs it. A room adds its field here and nothing else.

    None means that the agent has not asked for it, or that this deployment cannot offer it.
    """

    artifacts: "TaskArtifacts | None" = None
    sandbox: "TaskSandbox | None" = None
    tool_servers: Any | None = None
    http: "SafeClient | None" = None
    search: "WebSearch | None" = None
    results: "TaskResults | None" = None
