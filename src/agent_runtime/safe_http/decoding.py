"""Compressed bodies, unpacked in small pieces so that no few bytes can fill the memory."""

import zlib
from collections.abc import AsyncIterable, AsyncIterator

from agent_runtime.domain.errors import OutboundFailed

PIECE_BYTES = 65_536
ACCEPTED = "gzip"
_GZIP_OR_ZLIB = 47
_PLAIN = frozenset({"", "identity"})
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})


def decoded(raw: AsyncIterable[bytes], encoding: str) -> AsyncIterator[bytes]:
    """The pieces of a body as they were before `encoding`; OutboundFailed for one that was not asked for."""
    word = encoding.strip().lower()
    if word in _PLAIN:
        return _unchanged(raw)
    if word in _PACKED:
        return _unpacked(raw)
    raise OutboundFailed("protocol_error", "the answer is encoded in a way that was not asked for")


async def _unchanged(raw: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    async for piece in raw:
        yield piece


async def _unpacked(raw: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    unpacker, started = zlib.decompressobj(_GZIP_OR_ZLIB), False
    async for packed in raw:
        started = started or bool(packed)
        rest = packed
        while rest and not unpacker.eof:
            piece, rest = _next_piece(unpacker, rest)
            if piece:
                yield piece
    if started and not unpacker.eof:
        raise OutboundFailed("protocol_error", "the compressed answer ends in its middle")


def _next_piece(unpacker: "zlib._Decompress", packed: bytes) -> tuple[bytes, bytes]:
    try:
        piece = unpacker.decompress(packed, PIECE_BYTES)
    except zlib.error:
        raise OutboundFailed("protocol_error", "the compressed answer is damaged") from None
    return piece, unpacker.unconsumed_tail
