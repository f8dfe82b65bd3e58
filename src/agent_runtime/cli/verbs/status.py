"""`par status`."""

from __future__ import annotations

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par status", 'psql "$(par status --json | jq -r .database.url)"')


def run(as_json: AsJson = False) -> int:
    """Show what is running: only live processes, each with the pid that does the work.

    With --json the database's URL is the owner's, with its password, usable by psql as it is.
    """
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.system import local_settings, print_status
    from agent_runtime.embedded import status

    print_status(status(local_settings()), Output(as_json))
    return 0
