"""`par dead-letter list`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson, Limit, ShowAll

EXAMPLES = (
    "par dead-letter list",
    "par dead-letter list --reason retries_exhausted --agent research",
    "par dead-letter list --all --json | jq -r '.[].error_fingerprint' | sort | uniq -c",
)
_HEADER = ("task", "agent", "reason", "code", "failed", "fingerprint", "message")


def run(
    agent: Annotated[str | None, typer.Option(metavar="AGENT", help="Only of this agent.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="REASON", help="Only for this reason.")] = None,
    fingerprint: Annotated[str | None, typer.Option(metavar="F", help="Only with this error fingerprint.")] = None,
    limit: Limit = 50,
    show_all: ShowAll = False,
    as_json: AsJson = False,
) -> int:
    """List dead letters, newest first. With --json an array, [] when there is none."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    filters: dict[str, Any] = {"agent_id": agent, "reason": reason, "fingerprint": fingerprint}
    letters = ask(lambda client: gather(client.dead_letters.list(filters, None if show_all else limit)))
    output = Output(as_json)
    output.rows(_HEADER, [_row(letter) for letter in letters], letters)
    if len(letters) == limit and not show_all:
        output.note(f"Showing {limit}; --limit or --all shows more.")
    return 0


def _row(letter: dict[str, Any]) -> list[str]:
    from agent_runtime.cli.wording import age, safe_line

    return [
        letter["task_id"],
        letter["agent_id"],
        str(letter.get("dead_letter_reason") or ""),
        str(letter.get("last_error_code") or ""),
        age(letter.get("dead_lettered_at")),
        str(letter.get("error_fingerprint") or ""),
        safe_line(letter.get("last_error_message") or "", 60),
    ]
