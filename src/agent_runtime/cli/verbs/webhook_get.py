"""`par webhook get`."""

from __future__ import annotations

from agent_runtime.cli.parameters import AsJson
from agent_runtime.cli.webhook_display import WebhookId, show_webhook

EXAMPLES = ("par webhook get 0190a7c2-…",)


def run(
    webhook_id: WebhookId,
    as_json: AsJson = False,
) -> int:
    """Show one webhook."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    show_webhook(Output(as_json), ask(lambda client: client.webhooks.get(webhook_id)))
    return 0
