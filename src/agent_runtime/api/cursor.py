"""Cursors of lists: opaque, made of the last row's key, and bound to the list and the filters they came from."""

import base64
import binascii
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from agent_runtime.api.json_text import to_sorted_json
from agent_runtime.api.problem import Problem, invalid_field

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Listing:
    """One list as asked for: its name, its filters, and the types of its key (`uuid`, `time`, `int`, `text`)."""

    name: str
    key: Mapping[str, str]
    filters: Mapping[str, Any] = field(default_factory=dict)

    def after(self, cursor: str | None) -> tuple[Any, ...] | None:
        """The key to go on from; None at the first page. Raises Problem 422 for a cursor of anything else."""
        if cursor is None:
            return None
        try:
            values = orjson.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=="))
            if not isinstance(values, list) or values[0] != self._digest() or len(values) != len(self.key) + 1:
                raise _foreign()
            return tuple(_READ[kind](value) for kind, value in zip(self.key.values(), values[1:], strict=True))
        except (ValueError, TypeError, IndexError, OverflowError, binascii.Error):
            raise _foreign() from None

    def page(self, rows: Sequence[Row], limit: int, shown: Sequence[Any] | None = None) -> dict[str, Any]:
        """The answer out of `limit + 1` asked-for rows; `shown` are the items when they differ from the rows."""
        items = list(rows if shown is None else shown)[:limit]
        if len(rows) <= limit:
            return {"items": items, "next_cursor": None}
        last = rows[limit - 1]
        key = [_WRITTEN[kind](last[name]) for name, kind in self.key.items()]
        token = base64.urlsafe_b64encode(orjson.dumps([self._digest(), *key])).rstrip(b"=")
        return {"items": items, "next_cursor": token.decode("ascii")}

    def _digest(self) -> str:
        given = {name: value for name, value in self.filters.items() if value is not None}
        return hashlib.sha256(to_sorted_json([self.name, given])).hexdigest()[:12]


def _foreign() -> Problem:
    return invalid_field(("query", "cursor"), "this cursor does not belong to this list with these filters")


def _time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise TypeError("a time is text")
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 62:
        raise TypeError("a number is an integer")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise TypeError("a text is a string")
    return value


def _uuid(value: Any) -> str:
    return str(uuid.UUID(_text(value)))


_READ: dict[str, Any] = {"uuid": _uuid, "time": _time, "int": _whole, "text": _text}
_WRITTEN: dict[str, Any] = {"uuid": str, "time": lambda value: value.isoformat(), "int": int, "text": str}
