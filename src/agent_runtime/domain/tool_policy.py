"""Whether a tool may run by itself, and whether it may simply run again."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_runtime.domain.agent_config import AgentConfig

# Built in and without effects outside the conversation: a call of unknown outcome may simply run again.
# The tool by which an agent asks a person; it runs nothing.
ASKS_PERSON = "request_human_input"
SAFE_TO_REPEAT = frozenset(
    {
        "calculator",
        "create_text_artifact",
        "dev_sleep",
        "read_url",
        "recall_tool_result",
        "web_search",
        "sandbox_read_file",
        "sandbox_grep",
        "sandbox_glob",
        "sandbox_process_read",
        "export_sandbox_file",
        ASKS_PERSON,
    }
)
# Safe to repeat, since a repeated call gives its first file, but something stays behind: the decision is durable first.
LEAVES_TRACES = frozenset({"create_text_artifact", "export_sandbox_file"})


@dataclass(frozen=True, slots=True)
class ToolPolicy:
    """What an agent's configuration says of one tool.

    `safe_to_repeat`: a call whose outcome is unknown may run again without a person's word.
    `asks`: every call waits for a person first; `asks_as_fork`: because the task that it was forked from may have made
    the same call. `leaves_traces`: it starts only when the decision for it is durable.
    """

    safe_to_repeat: bool
    asks: bool
    asks_as_fork: bool = False
    leaves_traces: bool = False


def policy_of(config: "AgentConfig", tool_name: str, *, forked: bool = False) -> ToolPolicy:
    """The policy of a built-in tool or of `server__tool`; what the configuration says goes before the default.

    `forked`: the task asks before all that is not safe to repeat.
    """
    said = config.tool_policies.get(tool_name, {})
    idempotent = said.get("idempotent")
    safe = tool_name in SAFE_TO_REPEAT if idempotent is None else bool(idempotent)
    return ToolPolicy(
        safe_to_repeat=safe,
        asks=said.get("policy") == "ask",
        asks_as_fork=forked and not safe,
        leaves_traces=tool_name in LEAVES_TRACES,
    )
