"""What was approved of a server's tools, against what the server lists now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent_runtime.domain.tool_definition import ToolDefinition
from agent_runtime.domain.tool_server import Concern, difference, model_name

TOOL_CHANGED = "tool_changed"


@dataclass(frozen=True)
class OfferedTool:
    """A tool that an agent has: the model reads what was approved, a call is checked against what the server has."""

    model_name: str
    server_name: str
    approved: ToolDefinition
    live: ToolDefinition

    @property
    def concern(self) -> Concern | None:
        """Why a person must see a call of it first."""
        if self.approved.hash == self.live.hash:
            return None
        shown = difference(self.approved.stored(), self.live.stored())
        return Concern(TOOL_CHANGED, {"tool": self.model_name, "change": shown})


def differs_from_seen(kept: Sequence[Mapping[str, Any]], listed: Sequence[ToolDefinition]) -> bool:
    """Whether what a server lists is not what it was last seen to list."""
    return {row["name"]: row["seen_hash"] for row in kept if row["seen_hash"]} != {
        tool.name: tool.hash for tool in listed
    }


def offered(server_name: str, kept: Sequence[Mapping[str, Any]], listed: Sequence[ToolDefinition]) -> list[OfferedTool]:
    """The approved tools, whether or not the server still has them as they were; new ones wait for approval."""
    live = {tool.name: tool for tool in listed}
    tools = []
    for row in kept:
        if row["pinned_hash"] is None:
            continue
        approved = ToolDefinition.from_stored(row["name"], row["pinned_hash"], row["pinned"])
        name = model_name(server_name, row["name"])
        tools.append(OfferedTool(name, server_name, approved, live.get(row["name"], approved)))
    return tools
