"""`par webhook list`."""

from __future__ import annotations

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par webhook list",)


def run(
    as_json: AsJson = False,
) -> int:
    """List webhooks, oldest first."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    webhooks = ask(lambda client: gather(client.webhooks.list()))
    rows = [
        [
            each["webhook_id"],
            each["url"] or "(callbacks)",
            each["agent_id"] or "all",
            each["status"],
            str(len(each["events"])),
        ]
        for each in webhooks
    ]
    Output(as_json).rows(("webhook", "url", "agent", "status", "events"), rows, webhooks)
    return 0


def _many(events: list[str]) -> str:
    return events[0] if len(events) == 1 else f"{len(events)} events"
