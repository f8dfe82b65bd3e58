"""The ledger of tool calls: what was started and what came of it, under the fence of the attempt that says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent_runtime.store.arrays import ByteaArray, literal, text_literal
from agent_runtime.store.database import Database, Row


@dataclass(frozen=True, slots=True)
class ToolCallRow:
    """Where one call stands: `started`, `succeeded`, `failed` or `unknown`.

    `arguments` is the model's JSON text, `result` an encoded message; `request_id` names the answer that let it run.
    """

    tool_call_id: str
    tool_name: str
    state: str
    arguments: str | None = None
    result: bytes | None = None
    checksum: int | None = None
    request_id: str | None = None


def record_parameters(units: Sequence[Any]) -> dict[str, Any] | None:
    """Parameters of the statement `record` for the calls of some flush units; None when they hold none."""
    rows = [(unit, row) for unit in units for row in unit.tool_calls.values()]
    if not rows:
        return None
    return {
        "tenant_ids": text_literal([unit.tenant_id for unit, _ in rows]),
        "task_ids": literal([unit.task_id for unit, _ in rows]),
        "attempts": literal([unit.attempt for unit, _ in rows]),
        "flush_numbers": literal([unit.flush_number for unit, _ in rows]),
        "tool_call_ids": text_literal([row.tool_call_id for _, row in rows]),
        "tool_names": text_literal([row.tool_name for _, row in rows]),
        "states": text_literal([row.state for _, row in rows]),
        "arguments": text_literal([row.arguments for _, row in rows]),
        "results": ByteaArray([row.result or b"" for _, row in rows]),
        "checksums": literal([row.checksum for _, row in rows]),
        "request_ids": literal([row.request_id for _, row in rows]),
    }


async def past_calls(database: Database, tenant_id: str, task_id: str) -> list[Row]:
    """`tool_call_id, tool_name, state, arguments, body, checksum, answer` of a task's calls, oldest run first."""
    return await database.fetch_all("tool_call", "past", {"tenant_id": tenant_id, "task_id": task_id})
