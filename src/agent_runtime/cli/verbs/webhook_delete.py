"""`par webhook delete`."""

from __future__ import annotations

from agent_runtime.cli.parameters import AsJson, Yes
from agent_runtime.cli.webhook_display import WebhookId

EXAMPLES = ("par webhook delete 0190a7c2-… --yes",)


def run(
    webhook_id: WebhookId,
    yes: Yes = False,
    as_json: AsJson = False,
) -> int:
    """Delete a webhook with its delivery log."""
    from agent_runtime.cli.confirmation import confirm
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    confirm(f"Delete webhook {webhook_id} with its delivery log?", yes)
    ask(lambda client: client.webhooks.delete(webhook_id))
    Output(as_json).done(f"Webhook {webhook_id} is deleted.", {"webhook_id": webhook_id, "deleted": True})
    return 0
