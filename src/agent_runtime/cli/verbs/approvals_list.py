"""`par approvals list`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson, Limit, ShowAll

EXAMPLES = (
    "par approvals list",
    "par approvals list --kind input --agent research",
    "par approvals list --all --json | jq -r '.[] | select(.tool_name == \"web_search\") | .task_id'",
)
_HEADER = ("task", "agent", "asks", "cost", "asked", "expires")


def run(
    agent: Annotated[str | None, typer.Option(metavar="AGENT", help="Only of this agent.")] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only approval, or only input.")] = None,
    limit: Limit = 50,
    show_all: ShowAll = False,
    as_json: AsJson = False,
) -> int:
    """List what waits for a person, newest first: calls to approve and questions to answer."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    most = None if show_all else limit
    found = ask(lambda client: gather(client.human_requests.list(agent_id=agent, kind=kind, limit=most)))
    output = Output(as_json)
    if not found and not as_json:
        output.note("Nothing waits for a person.")
        return 0
    output.rows(_HEADER, [_row(request) for request in found], found)
    if len(found) == limit and not show_all:
        output.note(f"Showing {limit}; --limit or --all shows more.")
    if not as_json:
        output.note("`par approvals` goes through them, `par approvals get TASK_ID` shows one.")
    return 0


def _row(request: dict[str, Any]) -> list[str]:
    from agent_runtime.cli.request_page import call_line
    from agent_runtime.cli.wording import age, due, money, safe_line

    asked = call_line(request, request.get("tool_args")) if request["kind"] == "approval" else request["prompt"]
    return [
        request["task_id"],
        request["agent_id"],
        safe_line(asked or "", 60),
        money(request.get("cost_so_far_microdollars")),
        age(request.get("created_at")),
        due(request.get("expires_at")),
    ]
