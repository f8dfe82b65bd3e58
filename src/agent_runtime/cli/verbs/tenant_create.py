"""`par tenant create`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = (
    "par tenant create acme",
    "par tenant create acme --name 'Acme Inc.' && par key create --tenant acme --role admin",
)


def run(
    tenant_id: Annotated[str, typer.Argument(metavar="TENANT", help="Id of the tenant.", show_default=False)],
    name: Annotated[str | None, typer.Option("--name", help="Name for people; the id unless given.")] = None,
    as_json: AsJson = False,
) -> int:
    """Make a tenant; only the operator may."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    made = ask(lambda client: client.tenants.create(tenant_id, name))
    Output(as_json).pairs([("tenant", made["tenant_id"]), ("name", made["display_name"])], made)
    return 0
