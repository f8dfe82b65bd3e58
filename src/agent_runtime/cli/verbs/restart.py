"""`par restart`."""

from __future__ import annotations

from agent_runtime.cli.parameters import AsJson, Port, WorkerCount

EXAMPLES = ("par restart", "par restart --workers 4")


def run(workers: WorkerCount = None, port: Port = None, as_json: AsJson = False) -> int:
    """Stop the system, then start it. Tasks under way are handed over and go on."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.system import local_settings, ready_lines
    from agent_runtime.embedded import restart

    status = restart(local_settings(port), workers)
    output = Output(as_json)
    if as_json:
        output.json(status.as_json())
        return 0
    for line in ready_lines(status):
        output.line(line)
    return 0
