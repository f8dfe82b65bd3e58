"""Under which right a session writes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fence:
    """A claimed attempt: every write checks in its own transaction that it has not ended."""

    tenant_id: str
    task_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class OpenFence:
    """No check at all: for LangGraph's conformance suite and bare use. A worker must never build one."""

    tenant_id: str = "default"
