"""What the protocol's library hands over, in our own words."""

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mcp import types

from agent_runtime.domain.tool_definition import ToolDefinition, ToolUnusable, definition_of
from agent_runtime.tool_servers.connection import Binary, CallAnswer, Listed

Hide = Callable[[str], str]


def listed(tools: Sequence[types.Tool], hide: Hide) -> Listed:
    """The usable tools, each name once, and why the others are not."""
    usable: dict[str, ToolDefinition] = {}
    skipped: dict[str, str] = {}
    for tool in tools:
        try:
            if tool.name in usable:
                raise ToolUnusable("the server lists it twice")
            hints = tool.annotations.model_dump(exclude_none=True) if tool.annotations else None
            usable[tool.name] = definition_of(tool.name, hide(tool.description or ""), tool.inputSchema, hints)
        except ToolUnusable as error:
            skipped[tool.name[:128].encode("ascii", "replace").decode()] = str(error)
    return Listed(list(usable.values()), skipped)


def answer_of(result: types.CallToolResult, hide: Hide) -> CallAnswer:
    """A result as texts and bytes; structured content only when there is nothing else to read."""
    parts = [part for block in result.content for part in _parts(block)]
    if not parts and result.structuredContent is not None:
        parts = [json.dumps(result.structuredContent, ensure_ascii=False)]
    return CallAnswer([hide(part) if isinstance(part, str) else part for part in parts], bool(result.isError))


def _parts(block: Any) -> Iterator[str | Binary]:
    match block:
        case types.TextContent(text=text):
            yield text
        case types.ImageContent(data=data, mimeType=kind) | types.AudioContent(data=data, mimeType=kind):
            yield _binary(data, kind, None)
        case types.ResourceLink(uri=uri, name=name):
            yield f"[{name}: {uri}]"
        case types.EmbeddedResource(resource=types.TextResourceContents(text=text)):
            yield text
        case types.EmbeddedResource(resource=types.BlobResourceContents(blob=blob, mimeType=kind, uri=uri)):
            yield _binary(blob, kind, str(uri).rstrip("/").rpartition("/")[2])


def _binary(data: str, content_type: str | None, name: str | None) -> str | Binary:
    try:
        return Binary(content_type or "application/octet-stream", base64.b64decode(data, validate=True), name or None)
    except (binascii.Error, ValueError):
        return "[data that is no base64]"
