"""`par dead-letter groups`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson, Limit, ShowAll

EXAMPLES = (
    "par dead-letter groups",
    "par dead-letter groups --agent research --json | jq -r '.[] | [.count, .fingerprint] | @tsv'",
)
_HEADER = ("fingerprint", "count", "reason", "agents", "first", "last", "example")


def run(
    agent: Annotated[str | None, typer.Option(metavar="AGENT", help="Only of this agent.")] = None,
    limit: Limit = 50,
    show_all: ShowAll = False,
    as_json: AsJson = False,
) -> int:
    """Show dead letters by their cause, the one seen last first."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    groups = ask(lambda client: gather(client.dead_letters.groups(agent, None if show_all else limit)))
    output = Output(as_json)
    output.rows(_HEADER, [_row(group) for group in groups], groups)
    if groups and not as_json:
        output.note("`par dead-letter redrive --fingerprint F` sends all of one cause round again.")
    return 0


def _row(group: dict[str, Any]) -> list[str]:
    from agent_runtime.cli.wording import age, count, safe_line

    example = group.get("example") or {}
    return [
        str(group["fingerprint"]),
        count(group["count"]),
        str(group.get("dead_letter_reason") or ""),
        safe_line(", ".join(group.get("agents") or []), 40),
        age(group.get("first_seen_at")),
        age(group.get("last_seen_at")),
        safe_line(example.get("last_error_message") or "", 60),
    ]
