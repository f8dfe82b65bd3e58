"""`par webhook create`."""

from __future__ import annotations

from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson
from agent_runtime.cli.webhook_display import AgentOption, Events, show_webhook

EXAMPLES = (
    "par webhook create https://example.com/hook",
    "par webhook create https://example.com/hook --agent research --event task_completed",
)


def run(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where notifications go.", show_default=False)],
    agent: AgentOption = None,
    events: Events = None,
    as_json: AsJson = False,
) -> int:
    """Create a webhook and show its signing secret, this once."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    body = {"url": url, **({"agent_id": agent} if agent else {}), **({"events": events} if events else {})}
    show_webhook(Output(as_json), ask(lambda client: client.webhooks.create(body)))
    return 0
