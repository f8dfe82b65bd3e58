"""`par key rotate`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par key rotate 3f2a9c0d51e8b764", "par key rotate 3f2a9c0d51e8b764 --grace 0 --json | jq -r .key")


def run(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="Id of the key.", show_default=False)],
    grace: Annotated[
        int | None,
        typer.Option("--grace", min=0, metavar="SECONDS", help="How long the old secret lasts; a day unless given."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Give a key a new secret and print it: it is shown this once."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask
    from agent_runtime.cli.verbs.key_create import show_key

    show_key(ask(lambda client: client.keys.rotate(key_id, grace)), Output(as_json))
    return 0
