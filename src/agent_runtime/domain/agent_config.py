"""The configuration of an agent: its fields, their limits, and the rules that types alone cannot state.

The API checks a configuration with `problems` before it is stored; a worker reads the stored snapshot with
`AgentConfig.from_snapshot`. Both therefore agree on defaults.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from agent_runtime.domain.sandbox import INSTEAD_OF_SANDBOX, NEEDS_SANDBOX, SANDBOX_TOOLS, SandboxChoice
from agent_runtime.domain.tool_policy import ASKS_PERSON

SYSTEM_PROMPT_BYTES = 50 * 1024
HUMAN_INPUT_TIMEOUT_SECONDS = 86_400
NOT_AVAILABLE = "not available yet"

BUILT_IN_TOOLS = SANDBOX_TOOLS | frozenset(
    {
        "web_search",
        "read_url",
        "calculator",
        "request_human_input",
        "create_text_artifact",
        "recall_tool_result",
        "dev_sleep",
    }
)
DEVELOPER_TOOLS = frozenset({"dev_sleep"})
AVAILABLE_TOOLS = frozenset(
    {
        "web_search",
        "read_url",
        "calculator",
        "request_human_input",
        "create_text_artifact",
        "recall_tool_result",
        "dev_sleep",
        *SANDBOX_TOOLS,
    }
)

# Fields of the contract whose feature this version lacks, with the values that ask for nothing.
UNAVAILABLE_FIELDS: dict[str, tuple[object, ...]] = {
    "langfuse_endpoint_id": (None,),
    "context_management": (None,),
    "planning": (None, False),
    "memory": (None,),
    "output_schema": (None,),
    "graph": (None,),
}

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field; `location` is its path within the configuration."""

    location: Location
    message: str


@dataclass(frozen=True)
class AgentConfig:
    """A configuration as a run uses it. None in `temperature` and `max_output_tokens` means the model's default."""

    provider: str
    model: str
    system_prompt: str = ""
    temperature: float | None = None
    max_output_tokens: int | None = None
    allowed_tools: tuple[str, ...] = ()
    tool_servers: tuple[str, ...] = ()
    tool_policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    human_input_timeout_seconds: int = HUMAN_INPUT_TIMEOUT_SECONDS
    fallback_models: tuple[Mapping[str, str], ...] = ()
    sandbox: Mapping[str, Any] = field(default_factory=dict)

    @property
    def models(self) -> list[tuple[str, str]]:
        """`(provider, model)` of the models that may answer, its own first."""
        return [(self.provider, self.model), *((each["provider"], each["model"]) for each in self.fallback_models)]

    @property
    def offered_tools(self) -> tuple[str, ...]:
        """The built-in tools that the model is offered: a sandbox has its own way to leave files behind."""
        sandboxed = SandboxChoice.of(self.sandbox) is not None
        return tuple(name for name in self.allowed_tools if not (sandboxed and name in INSTEAD_OF_SANDBOX))

    @classmethod
    def from_snapshot(cls, snapshot: Mapping[str, Any]) -> "AgentConfig":
        """Read a stored configuration; what is absent or null takes its default. Unknown fields are left out.

        Raises KeyError when `provider` or `model` is missing, which a saved configuration never lacks.
        """
        known = {each.name for each in fields(cls)}
        given = {name: value for name, value in snapshot.items() if name in known and value is not None}
        for name in ("allowed_tools", "tool_servers", "fallback_models"):
            if name in given:
                given[name] = tuple(given[name])
        return cls(**{"provider": snapshot["provider"], "model": snapshot["model"], **given})


def stored(config: Mapping[str, Any]) -> dict[str, Any]:
    """A checked configuration as it is kept: what was set, without nulls and without what asks for nothing."""
    kept = {name: value for name, value in config.items() if value is not None}
    return {name: value for name, value in kept.items() if value not in UNAVAILABLE_FIELDS.get(name, ())}


def problems(config: Mapping[str, Any], *, dev_controls: bool) -> list[FieldProblem]:
    """What keeps a configuration of the right types from being saved; empty when nothing does."""
    return [
        *_unavailable(config),
        *_tool_problems(config, dev_controls),
        *_server_problems(config),
        *_policy_problems(config),
        *_fallback_problems(config),
    ]


def _unavailable(config: Mapping[str, Any]) -> Iterator[FieldProblem]:
    for name, harmless in UNAVAILABLE_FIELDS.items():
        if config.get(name) not in harmless:
            yield FieldProblem((name,), NOT_AVAILABLE)


def _tool_problems(config: Mapping[str, Any], dev_controls: bool) -> Iterator[FieldProblem]:
    seen: set[str] = set()
    sandboxed = SandboxChoice.of(config.get("sandbox")) is not None
    for place, name in enumerate(config.get("allowed_tools") or ()):
        message = _tool_problem(name, dev_controls, name in seen)
        if message is None and name in SANDBOX_TOOLS and not sandboxed:
            message = f"{name} {NEEDS_SANDBOX}"
        seen.add(name)
        if message is not None:
            yield FieldProblem(("allowed_tools", place), message)


def _tool_problem(name: str, dev_controls: bool, repeated: bool) -> str | None:
    if name not in BUILT_IN_TOOLS:
        return f"there is no built-in tool {name[:100]!r}"
    if name in DEVELOPER_TOOLS and not dev_controls:
        return f"{name} needs the developer controls, which are off (PAR_DEV_CONTROLS)"
    if name not in AVAILABLE_TOOLS:
        return NOT_AVAILABLE
    return f"{name} is listed twice" if repeated else None


def _server_problems(config: Mapping[str, Any]) -> Iterator[FieldProblem]:
    names = config.get("tool_servers") or ()
    for place, name in enumerate(names):
        if name in names[:place]:
            yield FieldProblem(("tool_servers", place), f"{name} is listed twice")


def _policy_problems(config: Mapping[str, Any]) -> Iterator[FieldProblem]:
    for name, policy in (config.get("tool_policies") or {}).items():
        if name not in BUILT_IN_TOOLS and "__" not in name:
            yield FieldProblem(("tool_policies", name), "this is neither a built-in tool nor server__tool")
        elif name not in BUILT_IN_TOOLS:
            server = name.partition("__")[0]
            if server not in (config.get("tool_servers") or ()):
                yield FieldProblem(("tool_policies", name), f"the agent's tool_servers do not name {server!r}")
        elif name not in AVAILABLE_TOOLS:
            yield FieldProblem(("tool_policies", name), NOT_AVAILABLE)
        elif name == ASKS_PERSON and policy.get("policy") == "ask":
            yield FieldProblem(("tool_policies", name, "policy"), "this tool asks a person anyway")


def _fallback_problems(config: Mapping[str, Any]) -> Iterator[FieldProblem]:
    seen = {(config.get("provider"), config.get("model"))}
    for place, each in enumerate(config.get("fallback_models") or ()):
        named = (each["provider"], each["model"])
        if named in seen:
            yield FieldProblem(("fallback_models", place), "is the agent's own model or listed twice")
        seen.add(named)
