"""`par up`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_runtime.cli.parameters import AsJson, Port, WorkerCount

if TYPE_CHECKING:
    from agent_runtime.embedded import SystemStatus

EXAMPLES = ("par up", "par up --workers 4 --port 9000", "PAR_DATA_DIR=/srv/par par up")


def run(workers: WorkerCount = None, port: Port = None, as_json: AsJson = False) -> int:
    """Run database, API and workers in the foreground; Ctrl-C stops them cleanly.

    With --json the status is printed once when all is ready, as one line.
    """
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.system import local_settings, ready_lines
    from agent_runtime.embedded import up

    output = Output(as_json)

    def announce(status: SystemStatus) -> None:
        if as_json:
            output.json_line(status.as_json())
            return
        for line in [*ready_lines(status), "Ctrl-C stops it."]:
            output.line(line)

    up(local_settings(port), workers, announce=announce, watch=output.note)
    return 0
