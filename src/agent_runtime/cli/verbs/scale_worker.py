"""`par scale-worker`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par scale-worker 5", "par scale-worker 0")


def run(
    count: Annotated[int, typer.Argument(min=0, metavar="N", help="Live workers wanted.", show_default=False)],
    as_json: AsJson = False,
) -> int:
    """Set the number of live workers, and return when exactly that many are online."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.system import local_settings, print_status
    from agent_runtime.embedded import scale

    print_status(scale(local_settings(), count), Output(as_json))
    return 0
