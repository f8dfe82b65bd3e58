"""Reads a long tool result again, a piece at a time."""

from agent_runtime.domain.errors import ToolFailed
from agent_runtime.tools import call_environment

PIECE_BYTES = 20_000


async def recall_tool_result(tool_call_id: str, offset: int = 0, limit: int = PIECE_BYTES) -> str:
    """Text of the result from a byte on, with where it goes on. Raises ToolFailed."""
    results = call_environment.current().services.results
    found = await results.piece(tool_call_id, offset, limit) if results is not None else None
    if found is None:
        raise ToolFailed(f"no long result is kept for the call {tool_call_id[:200]!r}: use an id that a result named")
    if offset >= found.size > 0:
        raise ToolFailed(f"the result of call {tool_call_id!r} ends at byte {found.size}")
    data, begins = _whole_characters(found.data)
    text = data.decode("utf-8", "replace")
    ends = offset + begins + len(data)
    return f"{text}\n{_where(offset + begins, ends, found.size, found.left_out_bytes)}"


def _whole_characters(data: bytes) -> tuple[bytes, int]:
    """The piece without the parts of characters at its edges, and how many bytes were left out before it."""
    begins = next((place for place, byte in enumerate(data[:4]) if byte & 0xC0 != 0x80), 0)
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
        return (data[begins:-back] if length > back and len(data) - back > begins else data[begins:]), begins
    return data[begins:], begins


def _where(begins: int, ends: int, size: int, left_out: int) -> str:
    more = f"; go on with offset {ends}" if ends < size else ", its end"
    lost = f"; {left_out} more bytes were not kept" if left_out and ends >= size else ""
    return f"[bytes {begins} to {ends} of {size}{more}{lost}]"
