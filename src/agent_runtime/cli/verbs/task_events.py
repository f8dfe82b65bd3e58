"""`par task events`."""

from __future__ import annotations

from typing import Any

from agent_runtime.cli.parameters import AsJson, TaskId

EXAMPLES = ("par task events 0190a7c2-…", "par task events 0190a7c2-… --json | jq -r '.[].event_type'")
_HEADER = ("no", "when", "event", "from", "to", "worker", "why")


def run(task_id: TaskId, as_json: AsJson = False) -> int:
    """Show the lifecycle history of a task, oldest first."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    events = ask(lambda client: gather(client.tasks.events(task_id)))
    Output(as_json).rows(_HEADER, [_row(event) for event in events], events)
    return 0


def _row(event: dict[str, Any]) -> list[str]:
    from agent_runtime.cli.wording import age, safe_line

    return [
        str(event["sequence"]),
        age(event.get("created_at")),
        event["event_type"],
        event.get("status_before") or "",
        event.get("status_after") or "",
        event.get("worker_id") or "",
        safe_line(_why(event), 60),
    ]


def _why(event: dict[str, Any]) -> str:
    from agent_runtime.cli.wording import spent_of

    details = event.get("details") or {}
    if details.get("pause_reason"):
        return f"{details['pause_reason']}{spent_of(details)}"
    return ": ".join(part for part in (event.get("error_code"), event.get("error_message")) if part)
