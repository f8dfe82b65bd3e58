"""`par key revoke`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agent_runtime.cli.parameters import AsJson, Yes

if TYPE_CHECKING:
    from agent_runtime.client import RuntimeClient

EXAMPLES = ("par key revoke 3f2a9c0d51e8b764", "par key revoke 3f2a9c0d51e8b764 --yes")


def run(
    key_ids: Annotated[list[str], typer.Argument(metavar="KEY_ID...", help="Ids of the keys.", show_default=False)],
    yes: Yes = False,
    as_json: AsJson = False,
) -> int:
    """End keys: within seconds nobody is let in by them."""
    from agent_runtime.cli.confirmation import confirm
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    confirm(f"Revoke {', '.join(key_ids)}? Nobody is let in by a revoked key again.", yes)

    async def revoke(client: RuntimeClient) -> None:
        for key_id in key_ids:
            await client.keys.revoke(key_id)

    ask(revoke)
    output = Output(as_json)
    if as_json:
        output.json([{"key_id": key_id, "status": "revoked"} for key_id in key_ids])
    else:
        for key_id in key_ids:
            output.line(f"{key_id} is revoked")
    return 0
