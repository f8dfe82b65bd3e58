"""`par task checkpoints`."""

from __future__ import annotations

from typing import Any

from agent_runtime.cli.parameters import AsJson, TaskId

EXAMPLES = ("par task checkpoints 0190a7c2-…", "par task checkpoints 0190a7c2-… --json | jq -r '.[-1].checkpoint_id'")
_HEADER = ("checkpoint", "step", "node", "worker", "took", "cost", "tokens in", "tokens out", "when")


def run(task_id: TaskId, as_json: AsJson = False) -> int:
    """Show the durable steps of a task, oldest first, with what each cost."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    steps = ask(lambda client: gather(client.tasks.checkpoints(task_id)))
    Output(as_json).rows(_HEADER, [_row(step) for step in steps], steps)
    return 0


def _row(step: dict[str, Any]) -> list[str]:
    from agent_runtime.cli.wording import age, count, duration, money

    took = step.get("duration_ms")
    return [
        step["checkpoint_id"],
        str(step.get("step_number", "")),
        step.get("node_name") or "",
        step.get("worker_id") or "",
        "" if took is None else duration(took / 1000),
        money(step.get("cost_microdollars")),
        count(step.get("input_tokens")),
        count(step.get("output_tokens")),
        age(step.get("created_at")),
    ]
