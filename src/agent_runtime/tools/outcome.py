"""How a tool call can end when nobody knows what became of it."""

from agent_runtime.domain.errors import ToolFailed


class CallOutcomeUnknown(ToolFailed):
    """The call was sent and nobody can say whether it took effect; the message is for the model and for people."""
