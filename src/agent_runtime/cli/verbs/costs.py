"""`par costs`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = (
    "par costs",
    "par costs --by agent --from 2030-01-01 --to 2030-01-31",
    "par costs --agent research --by day --by model --json | jq 'map(.cost_microdollars) | add'",
)
_GROUPS = ("day", "agent", "model")


def run(
    by: Annotated[list[str] | None, typer.Option(metavar="WHAT", help="day, agent or model; repeatable.")] = None,
    agent: Annotated[str | None, typer.Option(metavar="AGENT", help="Only this agent.")] = None,
    model: Annotated[str | None, typer.Option(metavar="PROVIDER/MODEL", help="Only this model.")] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="DAY", help="First day (UTC); 29 days ago.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last day (UTC); today.")] = None,
    as_json: AsJson = False,
) -> int:
    """Show what was spent, by agent, model and day, the oldest day first."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    provider, slash, model_id = (model or "").partition("/")
    asked = {"agent_id": agent, "from": first, "to": last, "group_by": by}
    asked |= {"provider": provider or None, "model": model_id} if slash else {"model": model}
    costs = ask(lambda client: gather(client.costs(asked)))
    groups = [name for name in _GROUPS if name in (by or _GROUPS)]
    Output(as_json).rows(
        (*groups, "cost", "calls", "tokens in", "tokens out"), [_row(groups, row) for row in costs], costs
    )
    return 0


def _row(groups: list[str], row: dict[str, Any]) -> list[str]:
    from agent_runtime.cli.wording import count, money

    names = {
        "day": row["day"],
        "agent": row["agent_id"],
        "model": "/".join(filter(None, (row["provider"], row["model"]))),
    }
    unpriced = f" + {count(row['unpriced_calls'])} calls of unknown price" if row.get("unpriced_calls") else ""
    numbers = [count(row[name]) for name in ("calls", "input_tokens", "output_tokens")]
    return [*(str(names[name] or "-") for name in groups), money(row["cost_microdollars"]) + unpriced, *numbers]
