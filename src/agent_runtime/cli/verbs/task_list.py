"""`par task list`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson, Limit, ShowAll

EXAMPLES = (
    "par task list",
    "par task list --status running --status queued",
    "par task list --agent research --label team=search --limit 200",
    "par task list --status dead_letter --json | jq -r '.[].task_id'",
)
_HEADER = ("task", "agent", "status", "steps", "cost", "created", "input")


def run(
    status: Annotated[list[str] | None, typer.Option(metavar="STATUS", help="Only this status; repeatable.")] = None,
    agent: Annotated[str | None, typer.Option(metavar="AGENT", help="Only tasks of this agent.")] = None,
    label: Annotated[str | None, typer.Option(metavar="NAME=VALUE", help="Only with this label.")] = None,
    pause_reason: Annotated[str | None, typer.Option(metavar="REASON", help="Only paused for this reason.")] = None,
    dead_letter_reason: Annotated[
        str | None, typer.Option(metavar="REASON", help="Only failed for this reason.")
    ] = None,
    batch: Annotated[str | None, typer.Option(metavar="BATCH_ID", help="Only tasks of this batch.")] = None,
    created_after: Annotated[str | None, typer.Option(metavar="TIME", help="Only newer ones (RFC 3339).")] = None,
    created_before: Annotated[str | None, typer.Option(metavar="TIME", help="Only older ones (RFC 3339).")] = None,
    search: Annotated[
        str | None, typer.Option("--search", "-q", metavar="TEXT", help="Id or name, or its start.")
    ] = None,
    limit: Limit = 50,
    show_all: ShowAll = False,
    as_json: AsJson = False,
) -> int:
    """List tasks, newest first. With --json an array, [] when there is none."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    filters: dict[str, Any] = {
        "status": status,
        "agent_id": agent,
        "label": label,
        "pause_reason": pause_reason,
        "dead_letter_reason": dead_letter_reason,
        "batch_id": batch,
        "created_after": created_after,
        "created_before": created_before,
        "q": search,
    }
    tasks = ask(lambda client: gather(client.tasks.list(filters, None if show_all else limit)))
    output = Output(as_json)
    output.rows(_HEADER, [_row(task) for task in tasks], tasks)
    if len(tasks) == limit and not show_all:
        output.note(f"Showing {limit}; --limit or --all shows more.")
    return 0


def _row(task: dict[str, Any]) -> list[str]:
    from agent_runtime.cli.wording import age, money, safe_line

    return [
        task["task_id"],
        task["agent_id"],
        task["status"],
        str(task.get("step_count", 0)),
        money(task.get("total_cost_microdollars")),
        age(task.get("created_at")),
        safe_line(task.get("input") or "", 40),
    ]
