"""`par doctor`."""

from __future__ import annotations

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par doctor", "PAR_URL=https://par.example.org PAR_API_KEY=… par doctor --json")


def run(as_json: AsJson = False) -> int:
    """Find out what is wrong with a running system.

    Each line is ok, warn or fail, with what to do. Exit status 1 when something failed.
    """
    from agent_runtime.cli.examination import examine
    from agent_runtime.cli.findings import print_findings
    from agent_runtime.cli.output import Output

    return print_findings(examine(), Output(as_json))
