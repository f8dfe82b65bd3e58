"""Requests about agents."""

from typing import Annotated, Any, Literal

from pydantic import Field

from agent_runtime.api.schemas.fields import (
    AgentId,
    AgentReference,
    Budget,
    Identifier,
    RequestModel,
    Text,
    at_most_bytes,
)
from agent_runtime.domain.agent_config import SYSTEM_PROMPT_BYTES

DEFAULT_BUDGET_PER_TASK = 500_000
DEFAULT_BUDGET_PER_HOUR = 5_000_000

Word = Annotated[Text, Field(min_length=1, max_length=200)]
DisplayName = Annotated[Text, Field(min_length=1, max_length=200)]
Concurrency = Annotated[int, Field(ge=1, le=100_000)]


class ToolPolicy(RequestModel):
    """What a person must agree to, and what may run twice."""

    policy: Literal["auto", "ask"] | None = None
    idempotent: bool | None = None


class FallbackModel(RequestModel):
    """A model to use when the first one fails."""

    provider: Word
    model: Word


class SandboxConfig(RequestModel):
    """Where the agent's commands run."""

    enabled: bool = False
    provider: Word | None = None
    template: Word | None = None
    vcpu: int | None = Field(None, ge=1, le=64)
    memory_mb: int | None = Field(None, ge=64, le=262_144)
    timeout_seconds: int | None = Field(None, ge=1, le=86_400)


class AgentConfigBody(RequestModel):
    """How an agent works."""

    provider: Word
    model: Word
    system_prompt: Annotated[Text, at_most_bytes(SYSTEM_PROMPT_BYTES)] | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    max_output_tokens: int | None = Field(None, ge=1, le=10_000_000)
    allowed_tools: Annotated[list[Word], Field(max_length=128)] | None = None
    tool_policies: Annotated[dict[Word, ToolPolicy], Field(max_length=256)] | None = None
    human_input_timeout_seconds: int | None = Field(None, ge=1, le=31_536_000)
    langfuse_endpoint_id: Identifier | None = None
    fallback_models: Annotated[list[FallbackModel], Field(max_length=10)] | None = None
    tool_servers: Annotated[list[Word], Field(max_length=128)] | None = None
    sandbox: SandboxConfig | None = None
    context_management: dict[str, Any] | None = None
    planning: bool | dict[str, Any] | None = None
    memory: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    graph: Annotated[Text, Field(min_length=1, max_length=500, pattern=r"^[\w.]+:[\w.]+$")] | None = None


class CreateAgentRequest(RequestModel):
    """An agent to create; without an id, one is made from its name."""

    agent_id: AgentId | None = None
    display_name: DisplayName | None = None
    agent_config: AgentConfigBody
    status: Literal["active", "disabled"] = "active"
    max_concurrent_tasks: Concurrency = 5
    budget_max_per_task: Budget | None = DEFAULT_BUDGET_PER_TASK
    budget_max_per_hour: Budget | None = DEFAULT_BUDGET_PER_HOUR


class ReplaceAgentRequest(CreateAgentRequest):
    """A whole agent; what is absent takes its default. `version`, when given, must be the current one."""

    version: int | None = Field(None, ge=1, le=2_147_483_647)


class ChangeAgentRequest(RequestModel):
    """Changes of an agent; `agent_config` is merged into the current one (RFC 7396: null removes a field)."""

    agent_id: AgentReference | None = None
    display_name: DisplayName | None = None
    agent_config: dict[str, Any] | None = None
    status: Literal["active", "disabled"] | None = None
    max_concurrent_tasks: Concurrency | None = None
    budget_max_per_task: Budget | None = None
    budget_max_per_hour: Budget | None = None
    version: int | None = Field(None, ge=1, le=2_147_483_647)
