"""Named queries: each `sql/<room>.sql` file holds statements under `-- name: <word>` lines."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)[^\n]*\n", re.MULTILINE)


@cache
def _room(room: str) -> dict[str, bytes]:
    text = files("agent_runtime.store").joinpath("sql", f"{room}.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)[1:]
    names = parts[0::2]
    if len(set(names)) != len(names):
        raise ValueError(f"sql/{room}.sql names a query twice")
    return {name: body.strip().rstrip(";").encode() for name, body in zip(names, parts[1::2], strict=True)}


@cache
def query(room: str, name: str) -> bytes:
    """Text of the query `name` in `sql/<room>.sql`, as bytes, so that psycopg takes it for a literal statement.

    Raises KeyError when there is none: a programming error, found by the test that loads every room.
    """
    return _room(room)[name]


@dataclass(frozen=True)
class RawQuery:
    """A statement with numbered places and the parameter that belongs in each."""

    text: bytes
    parameters: tuple[str, ...]


@cache
def raw_query(room: str, name: str) -> RawQuery:
    """The same for a raw cursor: psycopg takes a long statement apart again at every call, this is done once."""
    order: list[str] = []

    def numbered(place: re.Match[bytes]) -> bytes:
        parameter = place[1].decode()
        if parameter not in order:
            order.append(parameter)
        return b"$%d" % (order.index(parameter) + 1)

    text = re.sub(rb"%\((\w+)\)[sbt]", numbered, query(room, name)).replace(b"%%", b"%")
    return RawQuery(text, tuple(order))


def names(room: str) -> list[str]:
    """All query names of a room, in file order."""
    return list(_room(room))
