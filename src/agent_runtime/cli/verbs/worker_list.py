"""`par worker list`."""

from __future__ import annotations

from typing import Any

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par worker list", "par worker list --json | jq '[.[].running_tasks] | add'")
_HEADER = ("worker", "status", "pool", "tasks", "last beat", "started", "version")


def run(as_json: AsJson = False) -> int:
    """List workers and how much they run."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    workers = ask(lambda client: gather(client.workers.list()))
    Output(as_json).rows(_HEADER, [_row(worker) for worker in workers], workers)
    return 0


def _row(worker: dict[str, Any]) -> list[str]:
    from agent_runtime.cli.wording import age

    return [
        worker["worker_id"],
        worker["status"],
        worker.get("pool") or "",
        f"{worker.get('running_tasks', 0)}/{worker.get('capacity', '?')}",
        age(worker.get("last_heartbeat_at")),
        age(worker.get("started_at")),
        str(worker.get("version") or ""),
    ]
