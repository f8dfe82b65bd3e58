"""`par webhook update`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson
from agent_runtime.cli.webhook_display import AgentOption, Events, WebhookId, show_webhook

if TYPE_CHECKING:
    from agent_runtime.client import JsonObject, RuntimeClient

EXAMPLES = (
    "par webhook update 0190a7c2-… --disable",
    "par webhook update 0190a7c2-… --url https://example.com/other --event task_completed",
)


def run(
    webhook_id: WebhookId,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Where notifications go.")] = None,
    agent: AgentOption = None,
    events: Events = None,
    active: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether it is told anything.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Change what is given of a webhook."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    status = None if active is None else "active" if active else "disabled"
    given = {"url": url, "agent_id": agent, "events": events, "status": status}
    show_webhook(Output(as_json), ask(lambda client: _change(client, webhook_id, given)))
    return 0


async def _change(client: RuntimeClient, webhook_id: str, given: dict[str, Any]) -> JsonObject:
    current = await client.webhooks.get(webhook_id)
    wanted = {name: current[name] if value is None else value for name, value in given.items()}
    return await client.webhooks.replace(webhook_id, wanted)
