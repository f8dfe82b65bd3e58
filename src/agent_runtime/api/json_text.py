"""JSON text out of rows: times in RFC 3339 UTC, UUIDs as text, and never a failure over what a model wrote."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import orjson

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def to_json(value: Any) -> bytes:
    """`value` as UTF-8 JSON. Lone surrogates and huge integers, which orjson refuses, go out escaped or whole."""
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except TypeError:
        return json.dumps(value, default=_plain, separators=(",", ":")).encode("ascii")


def to_sorted_json(value: Any) -> bytes:
    """The same with sorted keys, so that equal documents have equal bytes."""
    try:
        return orjson.dumps(value, option=_OPTIONS | orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(value, default=_plain, sort_keys=True, separators=(",", ":")).encode("ascii")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


def has_more_parts(raw: bytes, most: int) -> bool:
    """Whether a JSON text has more members and elements than `most`, found without taking it apart.

    Each is preceded by a comma or an opening bracket; those in strings do not count. A parser would make an object of
    each, and a checker an error, which takes far longer than to read the bytes.
    """
    if _separators(raw, 0, len(raw)) <= most:
        return False
    count = end = 0
    for string in _STRING.finditer(raw):
        count += _separators(raw, end, string.start())
        if count > most:
            return True
        end = string.end()
    return count + _separators(raw, end, len(raw)) > most


def _separators(raw: bytes, start: int, end: int) -> int:
    return raw.count(b",", start, end) + raw.count(b"{", start, end) + raw.count(b"[", start, end)
