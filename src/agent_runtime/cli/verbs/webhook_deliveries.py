"""`par webhook deliveries`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson, Limit
from agent_runtime.cli.webhook_display import WebhookId, delivery_row

EXAMPLES = (
    "par webhook deliveries 0190a7c2-…",
    "par webhook deliveries 0190a7c2-… --status failed",
)
_HEADER = ("delivery", "status", "event", "task", "tries", "last answer", "age")


def run(
    webhook_id: WebhookId,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="pending, delivered or failed.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> int:
    """Show the delivery log of a webhook, newest first."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    filters = {"status": status} if status else {}
    found = ask(lambda client: gather(client.webhooks.deliveries(webhook_id, {**filters}, limit)))
    Output(as_json).rows(_HEADER, [delivery_row(each) for each in found], found)
    return 0
