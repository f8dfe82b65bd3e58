"""Builds the graph of an agent from its configuration, once per version, and reads its answer."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from langchain.agents import create_agent, factory
from langchain_core.messages import AIMessage, BaseMessage

from agent_runtime.agent.attempt_context import AttemptContext
from agent_runtime.agent.fallback import ModelChoice, ModelHealth
from agent_runtime.agent.middleware import RuntimeMiddleware
from agent_runtime.domain.agent_config import AgentConfig
from agent_runtime.domain.errors import ModelCallFailed
from agent_runtime.models.open_model import open_chat_model
from agent_runtime.models.providers import ModelOptions, ModelReference, Providers
from agent_runtime.tools.registry import build_tools

_KEPT = 512
_log = structlog.get_logger("agent")
# The most tokens that a reply of each model may have, by provider and model; None where nobody knows.
OutputLimits = Mapping[tuple[str, str], int | None]


@dataclass(frozen=True)
class ModelLimits:
    """Deadlines of a model call in seconds, the same for all agents of a worker."""

    timeout: float = 600.0
    first_byte: float = 60.0
    stall: float = 60.0


@dataclass(frozen=True)
class BuiltAgent:
    """A compiled graph with what its attempts need to know of its configuration."""

    graph: Any
    config: AgentConfig
    max_output_tokens: int
    fallbacks: tuple[ModelChoice, ...] = ()


@dataclass(frozen=True)
class AgentVersion:
    """Which configuration: the key of the cache. `own_digest` stands for a configuration of a task's own."""

    tenant_id: str
    agent_id: str
    config_version: int
    own_digest: str | None = None


class AgentBuilder:
    """Builds agents and keeps the ones used last. Building is off the loop: a provider's library may take seconds."""

    def __init__(self, providers: Providers, limits: ModelLimits, *, dev_controls: bool) -> None:
        self._providers = providers
        self._limits = limits
        self._dev_controls = dev_controls
        self._built: OrderedDict[AgentVersion, BuiltAgent] = OrderedDict()
        self._building = asyncio.Lock()
        self.health = ModelHealth()

    def get(self, version: AgentVersion) -> BuiltAgent | None:
        """The agent if it was built before."""
        found = self._built.get(version)
        if found is not None:
            self._built.move_to_end(version)
        return found

    def forget_built(self) -> None:
        """Build every agent anew at its next attempt, since the providers have other keys now."""
        self._built.clear()

    async def build(self, version: AgentVersion, snapshot: Mapping[str, Any], limits: OutputLimits) -> BuiltAgent:
        """Build an agent from its stored configuration. Raises ModelCallFailed, TaskFailed."""
        async with self._building:
            found = self.get(version)
            if found is None:
                config = AgentConfig.from_snapshot(snapshot)
                found = await asyncio.to_thread(self._compile, config, limits)
                self._built[version] = found
                if len(self._built) > _KEPT:
                    self._built.popitem(last=False)
            return found

    def _compile(self, config: AgentConfig, limits: OutputLimits) -> BuiltAgent:
        options = self._options(config, limits.get(config.models[0]))
        model = open_chat_model(ModelReference(config.provider, config.model), options, self._providers)
        with _untraced_hooks():
            graph = create_agent(
                model,
                tools=build_tools(config.offered_tools, dev_controls=self._dev_controls),
                system_prompt=config.system_prompt or None,
                middleware=[RuntimeMiddleware()],
                context_schema=AttemptContext,
            )
        return BuiltAgent(graph, config, options.sent_max_output_tokens, tuple(self._fallbacks(config, limits)))

    def _fallbacks(self, config: AgentConfig, limits: OutputLimits) -> Iterator[ModelChoice]:
        """The fallback models that can be opened; one without a key must not stop a task whose own model has one."""
        for provider, model in config.models[1:]:
            options = self._options(config, limits.get((provider, model)))
            try:
                chat = open_chat_model(ModelReference(provider, model), options, self._providers)
            except ModelCallFailed as error:
                _log.warning("fallback_model_left_out", model=f"{provider}/{model}", code=error.code, error=str(error))
            else:
                yield ModelChoice(provider, model, None, options.sent_max_output_tokens, chat)

    def _options(self, config: AgentConfig, max_output_limit: int | None) -> ModelOptions:
        return ModelOptions(
            temperature=config.temperature,
            max_output_tokens=config.max_output_tokens,
            max_output_limit=max_output_limit,
            first_byte_seconds=self._limits.first_byte,
            stall_seconds=self._limits.stall,
            timeout_seconds=self._limits.timeout,
        )


@contextmanager
def _untraced_hooks() -> Iterator[None]:
    """Keep LangSmith out of the middleware. `create_agent` wraps each hook in `langsmith.traceable`, which goes to a
    thread and back twice per call even while tracing is off, and would send conversations away if it were on.
    """
    module: Any = factory
    traceable = module.traceable
    module.traceable = _not_traceable
    try:
        yield
    finally:
        module.traceable = traceable


def _not_traceable(**_: Any) -> Callable[[Any], Any]:
    return lambda hook: hook


def answer_of(state: Any) -> dict[str, Any]:
    """The output of a finished run: the text of the last reply."""
    messages: list[BaseMessage] = state.get("messages", []) if isinstance(state, dict) else []
    last = next((message for message in reversed(messages) if isinstance(message, AIMessage)), None)
    structured = state.get("structured_response") if isinstance(state, dict) else None
    return {"result": last.text if last is not None else "", "structured": structured}
