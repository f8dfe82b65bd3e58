"""Requests about tasks."""

from typing import Annotated, Any, Literal

from pydantic import Field

from agent_runtime.api.schemas.fields import (
    AgentReference,
    Budget,
    Identifier,
    Label,
    LabelValue,
    Moment,
    PoolId,
    RequestModel,
    Text,
    at_most_bytes,
)

INPUT_BYTES = 100 * 1024
BATCH_TASKS = 1_000

Input = Annotated[Text, Field(min_length=1), at_most_bytes(INPUT_BYTES)]


class SubmitRequest(RequestModel):
    """A task to submit."""

    agent_id: AgentReference
    input: Input
    max_retries: int = Field(3, ge=0, le=10)
    max_steps: int = Field(100, ge=1, le=1_000)
    task_timeout_seconds: int = Field(3_600, ge=1, le=86_400)
    priority: int = Field(4, ge=0, le=9)
    run_at: Moment | None = None
    labels: Annotated[dict[Label, LabelValue], Field(max_length=64)] = Field(default_factory=dict)
    worker_pool_id: PoolId = "shared"
    budget_max: Budget | None = None
    langfuse_endpoint_id: Identifier | None = None
    callback_url: Annotated[Text, Field(max_length=2_048)] | None = None
    attached_memory_ids: Annotated[list[Identifier], Field(max_length=100)] | None = None
    memory_mode: Literal["always", "agent_decides", "skip"] | None = None

    def unavailable_fields(self) -> list[str]:
        """Fields that ask for a feature which this version lacks."""
        asked = {
            "langfuse_endpoint_id": self.langfuse_endpoint_id,
            "attached_memory_ids": self.attached_memory_ids or None,
            "memory_mode": None if self.memory_mode == "skip" else self.memory_mode,
        }
        return [name for name, value in asked.items() if value is not None]


class BatchRequest(RequestModel):
    """Tasks to submit together, all or none."""

    tasks: Annotated[list[SubmitRequest], Field(min_length=1, max_length=BATCH_TASKS)]


class NoFields(RequestModel):
    """An action that takes nothing."""


class RedriveRequest(RequestModel):
    """How to send a dead letter round again."""

    from_checkpoint_id: Identifier | None = None
    rollback_last_checkpoint: bool | None = None
    input: Input | None = None


class ForkRequest(RequestModel):
    """Where a new task starts, and what is different there; `agent_config` is merged (RFC 7396)."""

    checkpoint_id: Identifier
    agent_config: dict[str, Any] | None = None
    input: Input | None = None
    asks_before_unsafe: bool = True


class FollowUpRequest(RequestModel):
    """The next message of a completed task's conversation."""

    message: Input


class DeadLetterRedriveRequest(RequestModel):
    """Which dead letters to send round again: by id, or by what they have in common."""

    task_ids: Annotated[list[Identifier], Field(min_length=1, max_length=1_000)] | None = None
    fingerprint: Annotated[Text, Field(min_length=1, max_length=200)] | None = None
    agent_id: AgentReference | None = None
    limit: int | None = Field(None, ge=1, le=1_000)
