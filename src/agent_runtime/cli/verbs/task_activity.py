"""`par task activity`."""

from __future__ import annotations

from typing import Any

from agent_runtime.cli.parameters import AsJson, TaskId

EXAMPLES = ("par task activity 0190a7c2-…", "par task activity 0190a7c2-… --json | jq '.[] | select(.is_error)'")
_HEADER = ("no", "when", "what", "worker", "took", "cost", "text")


def run(task_id: TaskId, as_json: AsJson = False) -> int:
    """Show a task's whole story: turns, tool calls with their results, costs, and which worker took over."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    items = ask(lambda client: gather(client.tasks.activity(task_id)))
    Output(as_json).rows(_HEADER, [_row(item) for item in items], items)
    return 0


def _row(item: dict[str, Any]) -> list[str]:
    from agent_runtime.cli.wording import age, duration, money, safe_line

    took = item.get("duration_ms")
    return [
        str(item["sequence"]),
        age(item.get("created_at")),
        item.get("event_type") or item["kind"].replace("_", " "),
        item.get("worker_id") or "",
        "" if took is None else duration(took / 1000),
        "" if item.get("cost_microdollars") is None else money(item["cost_microdollars"]),
        safe_line(_text(item), 80),
    ]


def _text(item: dict[str, Any]) -> str:
    import json

    name = item.get("tool_name") or "?"
    if item["kind"] == "tool_call":
        return f"{name} {json.dumps(item.get('tool_args'), ensure_ascii=False)}"
    if item["kind"] == "tool_result":
        return f"{name} {'failed' if item.get('is_error') else '→'} {item.get('result') or ''}"
    return item.get("text") or ""
