"""Query parameters of lists."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agent_runtime.api.schemas.fields import AgentReference, Identifier, Moment, Text
from agent_runtime.domain.task_lifecycle import Status


def _decimal(value: Any) -> Any:
    if isinstance(value, str) and not (value.isascii() and value.isdecimal() and len(value) <= 18):
        raise ValueError("must be a whole number")
    return value


Whole = Annotated[int, BeforeValidator(_decimal)]
Filter = Annotated[Text, Field(min_length=1, max_length=200)]

PauseReason = Literal["budget_per_task", "budget_per_hour"]
DeadLetterReason = Literal[
    "cancelled_by_user",
    "retries_exhausted",
    "task_timeout",
    "non_retryable_error",
    "max_steps_exceeded",
    "human_input_timeout",
    "sandbox_lost",
    "sandbox_provision_failed",
    "context_exceeded_irrecoverable",
]


class PageQuery(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid")

    limit: Whole = Field(50, ge=1, le=200)
    cursor: Annotated[Text, Field(min_length=1, max_length=2_000)] | None = None

    def filters(self) -> dict[str, Any]:
        """All but the page itself, as a cursor is bound to."""
        return self.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)


class TaskQuery(PageQuery):
    """Filters of the list of tasks."""

    status: list[Status] | None = None
    agent_id: AgentReference | None = None
    pause_reason: PauseReason | None = None
    dead_letter_reason: DeadLetterReason | None = None
    batch_id: Identifier | None = None
    label: Annotated[Filter | None, Field(description="name=value, or a name alone for any value")] = None
    created_after: Moment | None = None
    created_before: Moment | None = None
    q: Annotated[Filter | None, Field(description="beginning of a task's id, an agent's id or an agent's name")] = None


class DeadLetterQuery(PageQuery):
    """Filters of the list of dead letters."""

    agent_id: AgentReference | None = None
    reason: DeadLetterReason | None = None
    fingerprint: Filter | None = None


class AgentQuery(PageQuery):
    """Filters of the list of agents."""

    status: Annotated[Filter | None, Field(pattern="^(active|disabled)$")] = None


class ModelQuery(PageQuery):
    """Filters of the list of models."""

    provider: Filter | None = None
    is_active: bool | None = None


class HumanRequestQuery(PageQuery):
    """Filters of the list of what waits for people."""

    agent_id: AgentReference | None = None
    kind: Annotated[Filter | None, Field(pattern="^(approval|input)$")] = None
    task_id: Identifier | None = None


class ArtifactQuery(PageQuery):
    """Filters of the list of a task's files."""

    direction: Literal["input", "output"] | None = None


class DownloadQuery(BaseModel):
    """Which of two files of one name."""

    model_config = ConfigDict(extra="forbid")

    direction: Literal["input", "output"] = "output"
