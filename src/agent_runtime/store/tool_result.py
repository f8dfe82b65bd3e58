"""Results of tool calls that are too long for the conversation."""

from dataclasses import dataclass

from agent_runtime.domain.errors import LeaseLost
from agent_runtime.store.database import Database

_ROOM = "tool_result"


@dataclass(frozen=True)
class Piece:
    """Bytes of a kept result: `size` is what is kept, `left_out_bytes` what was too much even for that."""

    data: bytes
    size: int
    left_out_bytes: int


@dataclass(frozen=True)
class TaskResults:
    """The long results of one task, kept under the fence of one attempt."""

    database: Database
    tenant_id: str
    task_id: str
    attempt: int

    async def keep(self, tool_call_id: str, body: bytes, left_out_bytes: int) -> None:
        """Keep a result. Raises LeaseLost."""
        parameters = {
            "tenant_id": self.tenant_id,
            "task_id": self.task_id,
            "attempt": self.attempt,
            "tool_call_id": tool_call_id,
            "body": body,
            "left_out_bytes": left_out_bytes,
        }
        if await self.database.fetch_one(_ROOM, "keep", parameters) is None:
            raise LeaseLost(self.task_id, self.attempt, "a tool's result came after its end")

    async def piece(self, tool_call_id: str, offset: int, limit: int) -> Piece | None:
        """Bytes of the result from `offset` on; None when nothing is kept for the call."""
        parameters = {
            "tenant_id": self.tenant_id,
            "task_id": self.task_id,
            "tool_call_id": tool_call_id,
            "offset": offset,
            "limit": limit,
        }
        row = await self.database.fetch_one(_ROOM, "piece", parameters)
        return Piece(bytes(row["piece"]), row["size"], row["left_out_bytes"]) if row else None
