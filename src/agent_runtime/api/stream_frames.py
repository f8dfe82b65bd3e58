"""How an entry of a task's sequence looks on the wire (WHATWG HTML, "Server-sent events")."""

from agent_runtime.api.json_text import to_json
from agent_runtime.api.task_view import activity_item, lifecycle_event
from agent_runtime.store.database import Row

HEARTBEAT = b": alive\n\n"
END = b"event: end\ndata: {}\n\n"
_NAMES = {
    "event": "lifecycle",
    "user_turn": "turn",
    "model_turn": "turn",
    "tool_call": "tool_call",
    "tool_result": "tool_result",
    "compaction": "compaction",
}


def durable_frame(row: Row) -> bytes:
    """An entry that is stored, with its sequence as the id to come back to."""
    data = lifecycle_event(row) if row["kind"] == "event" else activity_item(row)
    return b"event: %s\nid: %d\ndata: %s\n\n" % (_NAMES[row["kind"]].encode(), row["sequence"], to_json(data))


def token_frame(row: Row) -> bytes:
    """Live tokens: without an id, since nobody can come back to them."""
    return b"event: token\ndata: " + to_json({"text": row["text"], "attempt": row["attempt"]}) + b"\n\n"
