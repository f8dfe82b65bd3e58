"""`par tenant list`."""

from __future__ import annotations

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par tenant list", "par tenant list --json | jq -r '.[].tenant_id'")
_HEADER = ("tenant", "name", "made")


def run(as_json: AsJson = False) -> int:
    """List all tenants; only the operator may."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather
    from agent_runtime.cli.wording import age

    tenants = ask(lambda client: gather(client.tenants.list()))
    rows = [[each["tenant_id"], each["display_name"], age(each.get("created_at"))] for each in tenants]
    Output(as_json).rows(_HEADER, rows, tenants)
    return 0
