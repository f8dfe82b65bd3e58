"""`par start`."""

from __future__ import annotations

from agent_runtime.cli.parameters import AsJson, Port, WorkerCount

EXAMPLES = ("par start", "par start --workers 4 --port 9000", "par start --json | jq -r .api.url")


def run(workers: WorkerCount = None, port: Port = None, as_json: AsJson = False) -> int:
    """Start database, API and workers in the background.

    Returns when the API is healthy and all workers are online. Started already: says so and changes nothing.
    """
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.system import local_settings, ready_lines
    from agent_runtime.embedded import start

    status = start(local_settings(port), workers)
    output = Output(as_json)
    if as_json:
        output.json(status.as_json())
        return 0
    for line in ready_lines(status):
        output.line(line)
    return 0
