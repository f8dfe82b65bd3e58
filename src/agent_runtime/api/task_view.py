"""Shapes rows of the store into what clients read: cut texts, outputs, timeline items."""

import json
import re
from collections.abc import Mapping
from typing import Any

from agent_runtime.store.database import Row

LIST_TEXT_BYTES = 2_048
ACTIVITY_TEXT_BYTES = 25 * 1_024
# The beginning of a JSON object whose first member is the result; only whole escapes are taken.
_RESULT = re.compile(r'\s*\{\s*"result"\s*:\s*"((?:[^"\\]|\\u[0-9a-fA-F]{4}|\\[^u])*)')


def cut(text: str, limit: int) -> tuple[str, int]:
    """A text cut to `limit` bytes of UTF-8 at a character's border, and how many bytes were left out."""
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) <= limit:
        return text, 0
    kept = raw[:limit].decode("utf-8", "ignore")
    return kept, len(raw) - len(kept.encode())


def cut_texts(value: Any, limit: int = LIST_TEXT_BYTES) -> Any:
    """The same for every text within a value."""
    if isinstance(value, str):
        return cut(value, limit)[0]
    if isinstance(value, dict):
        return {name: cut_texts(entry, limit) for name, entry in value.items()}
    if isinstance(value, list):
        return [cut_texts(entry, limit) for entry in value]
    return value


def list_row(row: Row) -> dict[str, Any]:
    """A task as a row of a list."""
    output = row.pop("output_text", None)
    shown = {name: cut_texts(value) for name, value in row.items()}
    shown["output"] = None if output is None else _cut_output(output)
    return shown


def _cut_output(text: str) -> Any:
    try:
        return cut_texts(json.loads(text))
    except ValueError:
        found = _RESULT.match(text)
        result = json.loads(f'"{found[1]}"', strict=False) if found else ""
        return {"result": cut(result, LIST_TEXT_BYTES)[0], "structured": None}


def activity_item(row: Row) -> dict[str, Any]:
    """One entry of the timeline. The texts of turns come out of the stored message that the event refers to."""
    message = _message(row)
    kind = row["kind"]
    item: dict[str, Any] = {
        "sequence": row["sequence"],
        "kind": kind,
        "created_at": row["created_at"],
        "text": None,
        "tool_name": row["tool_name"],
        "tool_call_id": row["tool_call_id"],
        "tool_args": None,
        "result": None,
        "is_error": row["is_error"],
        "input_tokens": row["input_tokens"],
        "output_tokens": row["output_tokens"],
        "cost_microdollars": row["cost_microdollars"],
        "duration_ms": row["duration_ms"],
        "worker_id": row["worker_id"],
        "event_type": row["event_type"],
        "details": row["details"],
        "truncated_bytes": 0,
    }
    if kind == "tool_call":
        item["tool_args"] = _arguments(message, row["tool_call_id"])
        item["text"] = None
    elif kind == "tool_result":
        item["result"], item["truncated_bytes"] = cut(text_of_message(message), ACTIVITY_TEXT_BYTES)
    elif kind == "event":
        item["text"] = row["error_message"] or _event_text(row)
    elif message is not None:
        item["text"], item["truncated_bytes"] = cut(text_of_message(message), ACTIVITY_TEXT_BYTES)
    return item


def _event_text(row: Row) -> str | None:
    """Who went on where whom had stopped, so that a takeover can be read without knowing the details."""
    details = row["details"] if isinstance(row["details"], dict) else {}
    previous = details.get("previous_worker_id")
    if row["event_type"] != "task_claimed" or previous is None:
        return None
    again = "goes on" if previous == row["worker_id"] else f"goes on where {previous} stopped"
    return f"attempt {details.get('attempt')}: {row['worker_id']} {again}"


def lifecycle_event(row: Row) -> dict[str, Any]:
    """One entry of the lifecycle history."""
    names = ("event_id", "sequence", "task_id", "agent_id", "event_type", "status_before", "status_after", "worker_id")
    more = ("error_code", "error_message", "details", "created_at")
    return {name: row[name] for name in (*names, *more)}


def _message(row: Row) -> Mapping[str, Any] | None:
    body = row.get("body")
    if body is None:
        return None
    try:
        found = json.loads(bytes(body).decode("utf-8", "surrogatepass"))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def text_of_message(message: Mapping[str, Any] | None) -> str:
    """All text of a stored message."""
    content = (message or {}).get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(_block_text(block) for block in content)


def _block_text(block: Any) -> str:
    if isinstance(block, str):
        return block
    text = block.get("text") if isinstance(block, dict) else None
    return text if isinstance(text, str) else ""


def _arguments(message: Mapping[str, Any] | None, tool_call_id: str | None) -> Any:
    for call in (message or {}).get("tool_calls") or ():
        if isinstance(call, dict) and call.get("id") == tool_call_id:
            return call.get("args")
    return None
