"""`par task get`."""

from __future__ import annotations

from typing import Any

from agent_runtime.cli.parameters import AsJson, TaskId

EXAMPLES = ("par task get 0190a7c2-…", "par task get 0190a7c2-… --json | jq .output.result")


def run(task_id: TaskId, as_json: AsJson = False) -> int:
    """Show one task: state, cost, what it waits for, and its result."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    task = ask(lambda client: client.tasks.get(task_id))
    Output(as_json).pairs(_pairs(task), task)
    return 0


def _pairs(task: dict[str, Any]) -> list[tuple[str, str]]:
    from agent_runtime.cli.watch_display import standing_reason
    from agent_runtime.cli.wording import age, count, money, result_text, safe, safe_line, task_duration

    tokens = f"{count(task.get('input_tokens'))} in, {count(task.get('output_tokens'))} out"
    saved = task.get("saved_cost_microdollars")
    return [
        ("task", task["task_id"]),
        ("agent", f"{safe_line(task.get('agent_display_name') or '')} ({task['agent_id']})"),
        ("forked from", _origin(task)),
        ("status", task["status"]),
        ("why", standing_reason(task)),
        ("worker", task.get("lease_owner") or ""),
        ("steps", f"{task.get('step_count', 0)} of at most {task.get('max_steps', '?')}"),
        ("tokens", tokens),
        ("cost", money(task.get("total_cost_microdollars")) + (f", {money(saved)} saved" if saved else "")),
        ("retries", f"{task.get('retry_count', 0)} of {task.get('max_retries', '?')}"),
        ("labels", ", ".join(safe_line(f"{name}={value}") for name, value in (task.get("labels") or {}).items())),
        ("created", age(task.get("created_at"))),
        ("took", task_duration(task) if task.get("completed_at") or task.get("dead_lettered_at") else ""),
        ("input", safe_line(task.get("input") or "", 400)),
        ("result", safe(result_text(task))),
    ]


def _origin(task: dict[str, Any]) -> str:
    parent, checkpoint = task.get("parent_task_id"), task.get("forked_from")
    return f"task {parent} at checkpoint {checkpoint}" if parent and checkpoint else ""
