"""JSON text out of rows: times in RFC 3339 UTC, UUIDs as text, and never a failure over what a model wrote."""

import json
from datetime import UTC, datetime
from typing import Any

import orjson

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
