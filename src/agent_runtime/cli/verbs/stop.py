"""`par stop`."""

from __future__ import annotations

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par stop", "PAR_DATA_DIR=/srv/par par stop")


def run(as_json: AsJson = False) -> int:
    """Stop the running system; workers hand their tasks over first. Nothing running is no error."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.system import local_settings
    from agent_runtime.embedded import stop

    settings = local_settings()
    stopped = stop(settings)
    Output(as_json).done("Stopped." if stopped else f"Nothing ran from {settings.data_dir}.", {"stopped": stopped})
    return 0
