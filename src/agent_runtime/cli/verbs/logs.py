"""`par logs`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par logs", "par logs worker-1 --lines 200", "par logs api --follow")


def run(
    parts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PART...]", help="supervisor, database, api, worker-1 …", show_default=False),
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, metavar="N", help="Last lines of each log.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.", show_default=False)] = False,
    as_json: AsJson = False,
) -> int:
    """Show the logs of the system, or of some of its parts. With --json one object for each line."""
    from agent_runtime.cli.log_reading import LogReading, chosen_logs
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.system import local_settings
    from agent_runtime.embedded import log_paths

    reading = LogReading(chosen_logs(log_paths(local_settings()), parts or []), Output(as_json))
    reading.show_last(lines)
    if follow:
        reading.follow()
    return 0
