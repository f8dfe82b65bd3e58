"""How `par webhook …` shows a webhook and takes its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from agent_runtime.cli.output import Output

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK_ID", help="Id of the webhook.", show_default=False)]
Events = Annotated[
    list[str] | None,
    typer.Option(
        "--event",
        metavar="EVENT",
        help="Tell of this event; may be repeated (default: ends, waits).",
        show_default=False,
    ),
]
AgentOption = Annotated[str | None, typer.Option("--agent", metavar="AGENT", help="Only this agent's tasks.")]


def show_webhook(output: Output, webhook: dict[str, Any]) -> None:
    """All of a webhook, and its secret where the answer has one."""
    pairs = [
        ("webhook", str(webhook["webhook_id"])),
        ("url", str(webhook.get("url") or "the callback_url of each task")),
        ("agent", str(webhook.get("agent_id") or "all")),
        ("events", ", ".join(webhook.get("events") or [])),
        ("status", str(webhook.get("status"))),
    ]
    if webhook.get("previous_secret_expires_at"):
        pairs.append(("previous secret until", str(webhook["previous_secret_expires_at"])))
    if webhook.get("secret"):
        pairs.append(("secret", f"{webhook['secret']} (shown this once)"))
    output.pairs(pairs, webhook)


def delivery_row(delivery: dict[str, Any]) -> list[str]:
    """One line of the delivery log."""
    from agent_runtime.cli.wording import age

    how = delivery.get("last_error") or delivery.get("last_status_code") or ""
    return [
        str(delivery["delivery_id"]),
        str(delivery["status"]),
        str(delivery["event_type"]),
        str(delivery["task_id"]),
        str(delivery.get("attempts", 0)),
        str(how),
        age(delivery.get("created_at")),
    ]
