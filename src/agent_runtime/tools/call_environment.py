"""Which call a tool is running for: the graph is shared by all tasks of an agent, so a tool has to look here."""

from contextvars import ContextVar, Token
from dataclasses import dataclass

from agent_runtime.tools.services import ToolServices


@dataclass(frozen=True, slots=True)
class CallEnvironment:
    """One tool call under way."""

    tenant_id: str
    task_id: str
    run_number: int
    attempt: int
    tool_call_id: str
    services: ToolServices

    @property
    def idempotency_key(self) -> str:
        """Names the call to the outside, the same in every attempt."""
        return f"{self.task_id}:{self.tool_call_id}"


_CURRENT: ContextVar[CallEnvironment] = ContextVar("par_tool_call")


def current() -> CallEnvironment:
    """The call that the running tool serves. Raises LookupError outside of one."""
    return _CURRENT.get()


def enter(environment: CallEnvironment) -> "Token[CallEnvironment]":
    """Begin a call; give the token to `leave`."""
    return _CURRENT.set(environment)


def leave(token: "Token[CallEnvironment]") -> None:
    """End a call."""
    _CURRENT.reset(token)
