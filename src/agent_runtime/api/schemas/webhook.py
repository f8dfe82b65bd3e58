"""Webhooks: what is sent and what is answered."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from agent_runtime.api.schemas.fields import AgentReference, AnswerModel, RequestModel, Text
from agent_runtime.api.schemas.lists import PageQuery
from agent_runtime.domain.webhook import DEFAULT_EVENTS, EVENTS

LONGEST_OVERLAP_SECONDS = 30 * 86_400


def _known(event: str) -> str:
    if event not in EVENTS:
        raise ValueError(f"is not an event; known are {', '.join(EVENTS)}")
    return event


Url = Annotated[Text, Field(min_length=1, max_length=2_048)]
Event = Annotated[Text, Field(max_length=100), AfterValidator(_known)]
Events = Annotated[list[Event], Field(min_length=1, max_length=len(EVENTS))]


class CreateWebhookRequest(RequestModel):
    """A receiver of notifications."""

    url: Url
    agent_id: AgentReference | None = None
    events: Events = Field(default_factory=lambda: list(DEFAULT_EVENTS))


class ReplaceWebhookRequest(RequestModel):
    """All values of a webhook; the one for callbacks has no URL and no agent."""

    url: Url | None = None
    agent_id: AgentReference | None = None
    events: Events = Field(default_factory=lambda: list(DEFAULT_EVENTS))
    status: Literal["active", "disabled"] = "active"


class RotateSecretRequest(RequestModel):
    """How long the secret until now signs beside the new one."""

    keep_previous_seconds: int = Field(86_400, ge=0, le=LONGEST_OVERLAP_SECONDS)


class DeliveryQuery(PageQuery):
    """Filters of the delivery log."""

    status: Literal["pending", "delivered", "failed"] | None = None


class Webhook(AnswerModel):
    """A webhook. `secret` is there once: when it was created or rotated."""

    webhook_id: str
    kind: Literal["endpoint", "callback"]
    url: str | None
    agent_id: str | None
    events: list[str]
    status: Literal["active", "disabled"]
    previous_secret_expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
    secret: str | None = None


class WebhookPage(AnswerModel):
    """A page of webhooks."""

    items: list[Webhook]
    next_cursor: str | None


class WebhookDelivery(AnswerModel):
    """One notification, and how its last attempt went."""

    delivery_id: str
    webhook_id: str
    task_id: str
    agent_id: str
    event_type: str
    task_status: str | None
    sequence: int
    occurred_at: datetime
    status: Literal["pending", "delivered", "failed"]
    url: str | None
    attempts: int
    next_attempt_at: datetime | None
    last_status_code: int | None
    last_error: str | None
    last_duration_ms: int | None
    created_at: datetime
    delivered_at: datetime | None


class WebhookDeliveryPage(AnswerModel):
    """A page of the delivery log."""

    items: list[WebhookDelivery]
    next_cursor: str | None


def webhook_view(row: dict[str, Any]) -> dict[str, Any]:
    """A row as it is answered."""
    return {
        **{name: value for name, value in row.items() if name != "previous_secret_until"},
        "previous_secret_expires_at": row["previous_secret_until"],
    }
