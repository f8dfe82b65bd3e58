"""`par webhook redeliver`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson
from agent_runtime.cli.webhook_display import WebhookId

EXAMPLES = ("par webhook redeliver 0190a7c2-… 7f0c1d2e-…",)


def run(
    webhook_id: WebhookId,
    delivery_id: Annotated[str, typer.Argument(metavar="DELIVERY_ID", help="Id of the delivery.", show_default=False)],
    as_json: AsJson = False,
) -> int:
    """Send a delivery again, under the same id."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    delivery = ask(lambda client: client.webhooks.redeliver(webhook_id, delivery_id))
    Output(as_json).done(f"Delivery {delivery_id} is sent again.", delivery)
    return 0
