"""`par check`."""

from __future__ import annotations

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par check", "par check --json | jq '.[] | select(.status != \"ok\")'")


def run(as_json: AsJson = False) -> int:
    """Check what a start needs, without starting anything. Exit status 1 when something is missing."""
    from agent_runtime.cli.findings import Finding, print_findings
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.system import local_settings
    from agent_runtime.embedded import check

    checks = check(local_settings())
    findings = [Finding(item.name, "ok" if item.ok else "fail", item.detail) for item in checks]
    return print_findings(findings, Output(as_json))
