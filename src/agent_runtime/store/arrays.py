"""Arrays as statement parameters whose type never depends on their content.

psycopg picks an array's type by looking at its values, so that one statement would be prepared again for every mix of
small, large and missing numbers. Here everything but bytes travels as an array literal, and bytes in binary.
"""

import struct
from collections.abc import Sequence

from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Dumper, PyFormat
from psycopg.pq import Format

_BYTEA = 17
_BYTEA_ARRAY = 1001


def literal(values: Sequence[object]) -> str:
    """Array literal of numbers, booleans, uuids or None."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def text_literal(values: Sequence[str | None]) -> str:
    """Array literal of texts or None. The texts hold no NUL and no lone surrogate."""
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def _quoted(value: str) -> str:
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


class ByteaArray(tuple[bytes, ...]):
    """Bytes, to be sent as bytea[] in binary (layout: PostgreSQL's array_recv)."""

    __slots__ = ()


class _ByteaArrayDumper(Dumper):
    format = Format.BINARY
    oid = _BYTEA_ARRAY

    def dump(self, obj: ByteaArray) -> Buffer | None:
        if not obj:
            return struct.pack("!iiI", 0, 0, _BYTEA)
        parts = [struct.pack("!iiIii", 1, 0, _BYTEA, len(obj), 1)]
        for body in obj:
            parts.append(struct.pack("!i", len(body)))
            parts.append(body)
        return b"".join(parts)

    def get_key(self, obj: ByteaArray, format: PyFormat) -> type:  # noqa: A002
        return ByteaArray


def register(context: AdaptContext) -> None:
    """Teach a connection to send ByteaArray."""
    context.adapters.register_dumper(ByteaArray, _ByteaArrayDumper)
