"""`par agent spend`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par agent spend research", "par agent spend research --json | jq .today.cost_microdollars")
_HEADER = ("when", "model", "cost", "calls", "tokens in", "tokens out")
_SPANS = (("last_hour", "last hour"), ("today", "today (UTC)"), ("last_30_days", "30 days"))


def run(
    agent_id: Annotated[str, typer.Argument(metavar="AGENT", help="Id of the agent.", show_default=False)],
    as_json: AsJson = False,
) -> int:
    """Show what an agent spent lately, by model, against its budgets."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    spend = ask(lambda client: client.agents.spend(agent_id))
    output = Output(as_json)
    output.pairs(_pairs(spend), spend)
    if not as_json:
        output.rows(_HEADER, [row for name, label in _SPANS for row in _rows(label, spend[name])], [])
    return 0


def _pairs(spend: dict[str, Any]) -> list[tuple[str, str]]:
    from agent_runtime.cli.wording import count, money

    def against(name: str, limit: int | None) -> str:
        return f"{money(spend[name]['cost_microdollars'])} of {'no limit' if limit is None else money(limit)}"

    unpriced = spend["last_30_days"].get("unpriced_calls")
    per_task = spend.get("budget_max_per_task")
    return [
        ("agent", spend["agent_id"]),
        ("last hour", against("last_hour", spend.get("budget_max_per_hour"))),
        ("reserved", money(spend["reserved_microdollars"]) if spend.get("reserved_microdollars") else ""),
        ("today", money(spend["today"]["cost_microdollars"])),
        ("30 days", money(spend["last_30_days"]["cost_microdollars"])),
        ("per task", "no limit" if per_task is None else f"at most {money(per_task)}"),
        ("paused", f"{count(spend['paused_tasks'])} tasks" if spend.get("paused_tasks") else ""),
        ("unknown", f"{count(unpriced)} calls of unknown price are in no sum" if unpriced else ""),
    ]


def _rows(label: str, span: dict[str, Any]) -> list[list[str]]:
    from agent_runtime.cli.wording import count, money

    return [
        [
            label,
            f"{row['provider']}/{row['model']}",
            money(row["cost_microdollars"]),
            count(row["calls"]),
            count(row["input_tokens"]),
            count(row["output_tokens"]),
        ]
        for row in span["by_model"]
    ]
