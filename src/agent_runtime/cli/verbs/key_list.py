"""`par key list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson

if TYPE_CHECKING:
    from agent_runtime.client import RuntimeClient

EXAMPLES = ("par key list", "par key list --tenant acme --json | jq -r '.[].key_id'")
_HEADER = ("key", "tenant", "name", "status", "scopes", "last used", "expires")


def run(
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="TENANT", help="Keys of this tenant; all you manage unless given.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """List API keys, without their secrets."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    keys = ask(lambda client: _keys(client, tenant))
    Output(as_json).rows(_HEADER, [_row(key) for key in keys], keys)
    return 0


async def _keys(client: RuntimeClient, tenant: str | None) -> list[dict[str, Any]]:
    """The operator manages the keys of all tenants, everybody else those of one."""
    from agent_runtime.cli.server import gather
    from agent_runtime.client import RequestForbidden

    if tenant is not None:
        return await gather(client.keys.list(tenant))
    try:
        tenants = await gather(client.tenants.list())
    except RequestForbidden:
        return await gather(client.keys.list())
    return [key for each in tenants for key in await gather(client.keys.list(each["tenant_id"]))]


def _row(key: dict[str, Any]) -> list[str]:
    from agent_runtime.cli.wording import age

    return [
        key["key_id"],
        key["tenant_id"],
        key.get("name") or "",
        key["status"],
        ",".join(key["scopes"]),
        age(key.get("last_used_at")) if key.get("last_used_at") else "never",
        key.get("expires_at") or "never",
    ]
