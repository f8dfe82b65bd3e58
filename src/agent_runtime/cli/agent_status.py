"""Sets whether an agent takes tasks, for the two verbs that do."""

from __future__ import annotations

from agent_runtime.cli.output import Output
from agent_runtime.cli.server import ask


def set_status(agent_id: str, status: str, told: str, as_json: bool) -> int:
    """Give the agent the status, and say what it means."""
    agent = ask(lambda client: client.agents.update(agent_id, {"status": status}))
    Output(as_json).done(f"{agent_id} {told}", agent)
    return 0
