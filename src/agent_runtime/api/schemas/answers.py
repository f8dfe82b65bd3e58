"""What the server answers, for the OpenAPI document."""

from datetime import datetime
from typing import Any, Literal

from agent_runtime.api.schemas.fields import AnswerModel
from agent_runtime.domain.task_lifecycle import Status


class FieldErrorBody(AnswerModel):
    """One wrong part of a request."""

    loc: list[str | int]
    msg: str


class ProblemDocument(AnswerModel):
    """An error, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldErrorBody] | None = None


class SubmittedTask(AnswerModel):
    """A task just submitted."""

    task_id: str
    agent_id: str
    agent_display_name: str
    status: Literal["queued"]
    created_at: datetime


class SubmittedBatch(AnswerModel):
    """Tasks just submitted together."""

    batch_id: str
    items: list[SubmittedTask]


class BatchCounts(AnswerModel):
    """How far a batch is."""

    batch_id: str
    total: int
    counts: dict[str, int]
    total_cost_microdollars: int
    created_at: datetime


class TaskOutput(AnswerModel):
    """What a run ended with."""

    result: str | None = None
    structured: Any = None


class PendingApproval(AnswerModel):
    """The call that waits for a person's word."""

    request_id: str
    tool_name: str | None
    tool_args: Any
    tool_call_id: str | None
    reason: str | None


class Artifact(AnswerModel):
    """A file of a task."""

    artifact_id: str
    filename: str
    direction: Literal["input", "output"]
    content_type: str
    size_bytes: int
    sha256: str
    created_at: datetime


class ArtifactPage(AnswerModel):
    """A page of files, by direction and name."""

    items: list[Artifact]
    next_cursor: str | None


class TaskRow(AnswerModel):
    """A task in a list; texts are cut at 2 KB. Money is in microdollars; a cost of null is unknown."""

    task_id: str
    tenant_id: str
    agent_id: str
    agent_display_name: str
    agent_config_version: int
    status: Status
    input: str | None
    output: TaskOutput | None
    retry_count: int
    max_retries: int
    retry_history: list[Any]
    retry_after: datetime | None
    max_steps: int
    task_timeout_seconds: int
    checkpoint_count: int
    step_count: int
    input_tokens: int
    output_tokens: int
    total_cost_microdollars: int | None
    saved_cost_microdollars: int
    lease_owner: str | None
    lease_expires_at: datetime | None
    last_error_code: str | None
    last_error_message: str | None
    last_worker_id: str | None
    dead_letter_reason: str | None
    dead_lettered_at: datetime | None
    error_fingerprint: str | None
    pending_input_prompt: str | None
    pending_approval_action: PendingApproval | None
    human_input_timeout_at: datetime | None
    pause_reason: str | None
    pause_details: Any
    resume_eligible_at: datetime | None
    artifacts: list[Artifact]
    labels: dict[str, str]
    priority: int
    worker_pool_id: str
    budget_max: int | None
    batch_id: str | None
    parent_task_id: str | None
    forked_from: str | None
    asks_before_unsafe: bool
    langfuse_endpoint_id: str | None
    run_number: int
    version: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime


class Task(TaskRow):
    """A task with the configuration that it was submitted under."""

    agent_config: dict[str, Any]


class TaskPage(AnswerModel):
    """A page of tasks."""

    items: list[TaskRow]
    next_cursor: str | None


class AnyPage(AnswerModel):
    """A page of rows."""

    items: list[dict[str, Any]]
    next_cursor: str | None


class Agent(AnswerModel):
    """An agent."""

    agent_id: str
    display_name: str
    agent_config: dict[str, Any]
    status: Literal["active", "disabled"]
    max_concurrent_tasks: int
    budget_max_per_task: int | None
    budget_max_per_hour: int | None
    config_version: int
    version: int
    created_at: datetime
    updated_at: datetime


class Event(AnswerModel):
    """One entry of a task's lifecycle history."""

    event_id: str
    sequence: int
    task_id: str
    agent_id: str
    event_type: str
    status_before: str | None
    status_after: str | None
    worker_id: str | None
    error_code: str | None
    error_message: str | None
    details: Any
    created_at: datetime


class EventPage(AnswerModel):
    """A page of events, oldest first."""

    items: list[Event]
    next_cursor: str | None


class Run(AnswerModel):
    """One run of a task."""

    run_id: str
    number: int
    kind: Literal["submit", "follow_up", "redrive"]
    input: str | None
    output: Any
    status: str
    cost: int | None
    steps: int
    started_at: datetime | None
    ended_at: datetime | None


class RunPage(AnswerModel):
    """A page of runs, oldest first."""

    items: list[Run]
    next_cursor: str | None


class Checkpoint(AnswerModel):
    """One durable step."""

    checkpoint_id: str
    step_number: int
    node_name: str | None
    worker_id: str | None
    cost_microdollars: int | None
    input_tokens: int
    output_tokens: int
    duration_ms: int | None
    created_at: datetime
    parent_checkpoint_id: str | None


class CheckpointPage(AnswerModel):
    """A page of checkpoints, oldest first."""

    items: list[Checkpoint]
    next_cursor: str | None


class ActivityItem(AnswerModel):
    """One entry of a task's timeline for people."""

    sequence: int
    kind: Literal["user_turn", "model_turn", "tool_call", "tool_result", "event", "compaction"]
    created_at: datetime
    text: str | None
    tool_name: str | None
    tool_call_id: str | None
    tool_args: Any
    result: str | None
    is_error: bool | None
    input_tokens: int | None
    output_tokens: int | None
    cost_microdollars: int | None
    duration_ms: int | None
    worker_id: str | None
    event_type: str | None
    details: Any
    truncated_bytes: int


class ActivityPage(AnswerModel):
    """A page of the timeline, oldest first."""

    items: list[ActivityItem]
    next_cursor: str | None


class DeadLetterGroups(AnswerModel):
    """Dead letters of one cause each."""

    items: list[dict[str, Any]]
    next_cursor: str | None


class Redriven(AnswerModel):
    """What a redrive of many did."""

    redriven: list[str]
    skipped: list[dict[str, Any]]


class Model(AnswerModel):
    """A model of the registry; prices in microdollars per million tokens, null where unknown."""

    provider: str
    model_id: str
    display_name: str
    is_active: bool
    context_window: int | None
    max_output_tokens: int | None
    input_price: int | None
    output_price: int | None
    cache_read_price: int | None
    cache_write_price: int | None
    price_source: Literal["catalog", "manual", "unknown"]


class ModelPage(AnswerModel):
    """A page of models."""

    items: list[Model]
    next_cursor: str | None


class Discovered(AnswerModel):
    """What asking the providers found."""

    providers: list[dict[str, Any]]
    models: int


class Worker(AnswerModel):
    """A worker process."""

    worker_id: str
    status: Literal["online", "draining", "offline"]
    pool: str
    running_tasks: int
    capacity: int
    last_heartbeat_at: datetime
    started_at: datetime
    version: str


class WorkerPage(AnswerModel):
    """A page of workers."""

    items: list[Worker]
    next_cursor: str | None


class Health(AnswerModel):
    """How the system is."""

    status: Literal["ok", "degraded", "unavailable"]
    database: str
    active_workers: int | None
    queued_tasks: int | None
    schema_version: str | None
    version: str


class Alive(AnswerModel):
    """An answer to a probe."""

    status: str
