"""What a verb prints: JSON, tables and pairs on stdout, talk on stderr.

Tables are drawn by rich on a terminal and are aligned columns of plain text in a pipe, so that `grep` and `awk` work.
rich reads NO_COLOR itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from agent_runtime.cli.wording import safe_line

_WIDEST_PLAIN_CELL = 100


class Output:
    """Where one command's answers go. With `as_json` nothing but JSON reaches stdout."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def note(self, text: str) -> None:
        """Talk: progress, hints, questions. Never data."""
        print(safe_line(text), file=sys.stderr, flush=True)

    def json(self, value: Any) -> None:
        print(json.dumps(value, indent=2, ensure_ascii=not _stdout_is_utf8()))

    def json_line(self, value: Any) -> None:
        """One line of NDJSON, out at once for whoever reads along."""
        print(json.dumps(value, ensure_ascii=not _stdout_is_utf8()), flush=True)

    def line(self, text: str) -> None:
        print(text, flush=True)

    def done(self, text: str, value: Any) -> None:
        """What a verb did: `value` as JSON, or a sentence."""
        if self.as_json:
            self.json(value)
        else:
            self.line(text)

    def talk(self, text: str) -> None:
        """A line for people: on stdout, but out of the way on stderr when stdout carries JSON."""
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def rows(self, header: Sequence[str], rows: Iterable[Sequence[str]], values: Sequence[Any]) -> None:
        """A list: `values` as a JSON array, or `rows` under `header` as a table."""
        if self.as_json:
            self.json(list(values))
        else:
            self._table(header, [[safe_line(cell, _WIDEST_PLAIN_CELL) for cell in row] for row in rows])

    def pairs(self, pairs: Sequence[tuple[str, str]], value: Any) -> None:
        """One object: `value` as JSON, or labelled lines; pairs with an empty text are left out."""
        if self.as_json:
            self.json(value)
            return
        shown = [(label, text) for label, text in pairs if text]
        width = max((len(label) for label, _ in shown), default=0)
        for label, text in shown:
            self.line(f"{label.ljust(width)}  {_indented(text, width + 2)}")

    def _table(self, header: Sequence[str], rows: list[list[str]]) -> None:
        if not rows:
            self.note("Nothing to show.")
        elif stdout_is_terminal():
            _rich_table(header, rows)
        else:
            _plain_table(header, rows)


def stdout_is_terminal() -> bool:
    return sys.stdout.isatty()


def _stdout_is_utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def _indented(text: str, width: int) -> str:
    return text.replace("\n", "\n" + " " * width)


def _plain_table(header: Sequence[str], rows: list[list[str]]) -> None:
    lines = [[title.upper() for title in header], *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _rich_table(header: Sequence[str], rows: list[list[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for position, title in enumerate(header):
        table.add_column(title, no_wrap=position == 0, overflow="fold" if position == 0 else "ellipsis")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
