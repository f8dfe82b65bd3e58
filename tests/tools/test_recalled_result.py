"""Pieces of a long result join to the whole again, whatever characters it is made of."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_runtime.domain.errors import ToolFailed
from agent_runtime.store.tool_result import Piece
from agent_runtime.tools import call_environment
from agent_runtime.tools.call_environment import CallEnvironment
from agent_runtime.tools.recalled_result import recall_tool_result
from agent_runtime.tools.services import ToolServices


class Kept:
    """A result in memory."""

    def __init__(self, data: bytes, left_out: int = 0) -> None:
        self.data = data
        self.left_out = left_out

    async def piece(self, tool_call_id: str, offset: int, limit: int) -> Piece | None:
        if tool_call_id != "call-1":
            return None
        return Piece(self.data[offset : offset + limit], len(self.data), self.left_out)


async def recall(kept: Any, call_id: str = "call-1", **arguments: int) -> str:
    services = ToolServices(results=kept)
    token = call_environment.enter(CallEnvironment("default", "task", 1, 1, "call-9", services))
    try:
        return await recall_tool_result(call_id, **arguments)
    finally:
        call_environment.leave(token)


@given(text=st.text(min_size=1, max_size=200), limit=st.integers(4, 50))
@settings(deadline=None, max_examples=200)
async def test_pieces_join_to_the_whole(text: str, limit: int) -> None:
    kept, found, offset = Kept(text.encode("utf-8", "replace")), "", 0
    for _ in range(1_000):
        piece = await recall(kept, offset=offset, limit=limit)
        body, _, where = piece.rpartition("\n")
        found += body
        following = re.search(r"go on with offset (\d+)", where)
        if following is None:
            break
        assert int(following[1]) > offset
        offset = int(following[1])
    assert found == text.encode("utf-8", "replace").decode()


async def test_a_call_without_a_long_result_is_an_error_in_words() -> None:
    for kept in (Kept(b"abc"), None):
        with pytest.raises(ToolFailed, match="no long result is kept"):
            await recall(kept, "call-2")
    with pytest.raises(ToolFailed, match="ends at byte 3"):
        await recall(Kept(b"abc"), offset=3)


async def test_what_was_not_kept_is_said_at_the_end() -> None:
    assert (await recall(Kept(b"abc", left_out=7))).endswith("[bytes 0 to 3 of 3, its end; 7 more bytes were not kept]")
