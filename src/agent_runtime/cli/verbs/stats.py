"""`par stats`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = (
    "par stats",
    "par stats --agent research --from 2030-01-01T00:00:00Z --bucket day",
    "par stats --json | jq .counts",
)
_HEADER = ("from", "completed", "dead letters", "calls", "cost")


def run(
    agent: Annotated[str | None, typer.Option(metavar="AGENT", help="Only this agent.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Begin (RFC 3339); 24 hours ago.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="End (RFC 3339); now.")] = None,
    bucket: Annotated[str | None, typer.Option(metavar="STEP", help="minute, hour or day.")] = None,
    as_json: AsJson = False,
) -> int:
    """Show tasks by state, the queue, and what ended and was spent over a range of time."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    asked = {"agent_id": agent, "from": start, "to": end, "bucket": bucket}
    stats = ask(lambda client: client.stats(asked))
    output = Output(as_json)
    output.pairs(_pairs(stats), stats)
    if not as_json:
        rows = [_row(step) for step in stats["throughput"]["buckets"] if _happened(step)]
        output.rows(_HEADER, rows, [])
    return 0


def _pairs(stats: dict[str, Any]) -> list[tuple[str, str]]:
    from agent_runtime.cli.wording import count, duration, money

    queue, counts, throughput = stats["queue"], stats["counts"], stats["throughput"]
    waits = ", ".join(f"{row['agent_id']} {count(row['queued'])}" for row in queue["agents"][:5] if row["queued"])
    oldest = queue.get("oldest_age_seconds")
    return [
        ("tasks", ", ".join(f"{count(number)} {status}" for status, number in counts.items() if number) or "none"),
        ("queue", f"{count(queue['depth'])} waiting, {count(queue['scheduled'])} for later"),
        ("oldest", "" if oldest is None else duration(oldest)),
        ("longest", waits),
        ("range", f"{stats['from']} to {stats['to']}"),
        ("ended", f"{count(throughput['completed'])} completed, {count(throughput['dead_lettered'])} dead letters"),
        ("spent", f"{money(stats['spend']['cost_microdollars'])} in {count(stats['spend']['calls'])} calls"),
    ]


def _happened(step: dict[str, Any]) -> bool:
    return bool(step["completed"] or step["dead_lettered"] or step["calls"])


def _row(step: dict[str, Any]) -> list[str]:
    from agent_runtime.cli.wording import count, money

    numbers = [count(step[name]) for name in ("completed", "dead_lettered", "calls")]
    return [step["starts_at"], *numbers, money(step["cost_microdollars"])]
