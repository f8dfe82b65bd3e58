"""`par webhook rotate-secret`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson
from agent_runtime.cli.webhook_display import WebhookId, show_webhook

EXAMPLES = (
    "par webhook rotate-secret 0190a7c2-…",
    "par webhook rotate-secret 0190a7c2-… --keep-previous 0",
)


def run(
    webhook_id: WebhookId,
    keep_previous: Annotated[
        int, typer.Option("--keep-previous", min=0, metavar="SECONDS", help="The old secret signs this long as well.")
    ] = 86_400,
    as_json: AsJson = False,
) -> int:
    """Give a webhook a new signing secret and show it, this once."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    rotated = ask(lambda client: client.webhooks.rotate_secret(webhook_id, keep_previous))
    show_webhook(Output(as_json), rotated)
    return 0
