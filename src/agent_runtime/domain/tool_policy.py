"""Whether a tool may run by itself, and whether it may simply run again."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_runtime.domain.agent_config import AgentConfig

# Built in and without effects outside the conversation: a call of unknown outcome may simply run again.
SAFE_TO_REPEAT = frozenset({"calculator", "dev_sleep"})


@dataclass(frozen=True, slots=True)
class ToolPolicy:
    """What an agent's configuration says of one tool.

    `safe_to_repeat`: a call whose outcome is unknown may run again without a person's word.
    `asks`: every call waits for a person first.
    """

    safe_to_repeat: bool
    asks: bool


def policy_of(config: "AgentConfig", tool_name: str) -> ToolPolicy:
    """The policy of a built-in tool or of `server__tool`; what the configuration says goes before the default."""
    said = config.tool_policies.get(tool_name, {})
    idempotent = said.get("idempotent")
    safe = tool_name in SAFE_TO_REPEAT if idempotent is None else bool(idempotent)
    return ToolPolicy(safe_to_repeat=safe, asks=said.get("policy") == "ask")
