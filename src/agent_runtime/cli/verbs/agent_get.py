"""`par agent get`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par agent get research", "par agent get research --json | jq .agent_config")


def run(
    agent_id: Annotated[str, typer.Argument(metavar="AGENT", help="Id of the agent.", show_default=False)],
    as_json: AsJson = False,
) -> int:
    """Show one agent with its configuration."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    agent = ask(lambda client: client.agents.get(agent_id))
    Output(as_json).pairs(_pairs(agent), agent)
    return 0


def _pairs(agent: dict[str, Any]) -> list[tuple[str, str]]:
    import json

    from agent_runtime.cli.wording import age, count, money, safe, safe_line

    def budget(name: str) -> str:
        return "none" if agent.get(name) is None else money(agent[name])

    config = agent.get("agent_config") or {}
    return [
        ("agent", agent["agent_id"]),
        ("name", safe_line(agent.get("display_name") or "")),
        ("status", agent["status"]),
        ("version", str(agent.get("version", ""))),
        ("at once", f"{count(agent.get('max_concurrent_tasks'))} tasks"),
        ("per task", budget("budget_max_per_task")),
        ("per hour", budget("budget_max_per_hour")),
        ("updated", age(agent.get("updated_at"))),
        ("config", safe(json.dumps(config, indent=2, ensure_ascii=False))),
    ]
