"""Identifiers made by this system: UUIDs of version 7 (RFC 9562, 5.7), which sort by the time they were made."""

import os
import threading
import time
import uuid
from datetime import datetime

LOWEST_ID = "00000000-0000-0000-0000-000000000000"
HIGHEST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_MOST_MILLISECONDS = (1 << 48) - 1
_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """A fresh identifier; within one process each is greater than the one before."""
    global _last  # noqa: PLW0603  the order within the process is the point
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    with _lock:
        # 74 of the low 80 bits are kept, so that a step of 64 is the smallest that is still seen.
        if value >> 80 <= _last >> 80:
            value = _last + 64 + (value & 0xFFFFFFFF)
        _last = value
    return str(uuid.UUID(int=_with_version(value)))


def lowest_id_of(moment: datetime) -> str:
    """No identifier made at this time or later is below this one."""
    return str(uuid.UUID(int=_milliseconds(moment) << 80))


def highest_id_of(moment: datetime) -> str:
    """No identifier made at this time or earlier is above this one."""
    return str(uuid.UUID(int=_milliseconds(moment) << 80 | (1 << 80) - 1))


def _milliseconds(moment: datetime) -> int:
    return min(max(int(moment.timestamp() * 1000), 0), _MOST_MILLISECONDS)


def _with_version(value: int) -> int:
    """Move 80 ordered bits around the fixed version and variant fields; the lowest 6 are dropped."""
    milliseconds, ordered = value >> 80, (value >> 6) & ((1 << 74) - 1)
    return milliseconds << 80 | 0x7 << 76 | (ordered >> 62) << 64 | 0b10 << 62 | ordered & ((1 << 62) - 1)
