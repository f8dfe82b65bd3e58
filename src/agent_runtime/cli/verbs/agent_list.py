"""`par agent list`."""

from __future__ import annotations

from typing import Any

from agent_runtime.cli.parameters import AsJson, Limit, ShowAll

EXAMPLES = ("par agent list", "par agent list --all --json | jq -r '.[].agent_id'")
_HEADER = ("agent", "name", "status", "model", "at once", "per task", "per hour")


def run(limit: Limit = 50, show_all: ShowAll = False, as_json: AsJson = False) -> int:
    """List agents with their models and budgets."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    agents = ask(lambda client: gather(client.agents.list(None if show_all else limit)))
    output = Output(as_json)
    output.rows(_HEADER, [_row(agent) for agent in agents], agents)
    if len(agents) == limit and not show_all:
        output.note(f"Showing {limit}; --limit or --all shows more.")
    return 0


def _row(agent: dict[str, Any]) -> list[str]:
    from agent_runtime.cli.wording import count

    return [
        agent["agent_id"],
        agent.get("display_name") or "",
        agent["status"],
        _model(agent),
        count(agent.get("max_concurrent_tasks")),
        _budget(agent.get("budget_max_per_task")),
        _budget(agent.get("budget_max_per_hour")),
    ]


def _model(agent: dict[str, Any]) -> str:
    """`provider/model`; list rows come without the config, and show a dash."""
    config = agent.get("agent_config") or agent
    return "/".join(str(config[name]) for name in ("provider", "model") if config.get(name)) or "-"


def _budget(microdollars: int | None) -> str:
    from agent_runtime.cli.wording import money

    return "none" if microdollars is None else money(microdollars)
