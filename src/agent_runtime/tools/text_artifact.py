"""Leaves a text behind as a file of the task. A repeated call gives the file that it made the first time."""

from agent_runtime.domain.artifact import shown
from agent_runtime.domain.errors import ToolFailed
from agent_runtime.tools import call_environment


async def create_text_artifact(filename: str, content: str, content_type: str | None = None) -> str:
    """Store the text under the name and say so. Raises ToolFailed."""
    call = call_environment.current()
    files = call.services.artifacts
    if files is None:
        raise ToolFailed("this deployment keeps no files")
    data = content.encode("utf-8", "replace")
    saved = await files.save(filename, content_type, data, tool_call_id=call.tool_call_id)
    return f"Saved {shown(saved.filename)!r} ({saved.size_bytes} bytes, {saved.content_type}) as a file of this task."
