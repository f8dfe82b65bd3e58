"""What the tools of one attempt share. The worker opens it with the attempt and closes it at the attempt's end."""

from dataclasses import dataclass
from typing import Any

from agent_runtime.artifacts.task_artifacts import TaskArtifacts


@dataclass(slots=True)
class ToolServices:
    """Each part opens what it holds when a tool first needs it. A room adds its field here and nothing else.

    None means that the agent has not asked for it, or that this deployment cannot offer it.
    """

    artifacts: TaskArtifacts | None = None
    sandbox: Any | None = None
    tool_servers: Any | None = None
    http: Any | None = None
