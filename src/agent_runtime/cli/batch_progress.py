"""How far the tasks of a batch are: a bar on a terminal, now and then a line elsewhere; always on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from agent_runtime.cli.output import Output
from agent_runtime.cli.wording import count, money

_SECONDS_BETWEEN_LINES = 5.0
_ENDED = ("completed", "dead_letter")


class BatchProgress:
    """Shows one stage after the other; used in `with`, so that the bar is taken away at the end."""

    def __init__(self, output: Output, total: int) -> None:
        self._output, self._total = output, total
        self._said_at = time.monotonic()
        self._bar: Any = None
        self._stage: Any = None
        if sys.stderr.isatty():
            self._bar, self._stage = _bar(total)

    def __enter__(self) -> BatchProgress:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def submitted(self, number: int) -> None:
        """So many are submitted."""
        self._show("submitted", number, "")

    def standing(self, standing: dict[str, Any]) -> None:
        """How the batches stand."""
        ended = sum(standing["counts"].get(status, 0) for status in _ENDED)
        self._show("ended", ended, standing_line(standing))

    def _show(self, stage: str, number: int, text: str) -> None:
        if self._bar is not None:
            self._bar.update(self._stage, description=stage, completed=number, text=text)
        elif time.monotonic() - self._said_at >= _SECONDS_BETWEEN_LINES:
            self._said_at = time.monotonic()
            self._output.note(f"{count(number)} of {count(self._total)} {stage}{f': {text}' if text else ''}")


def standing_line(standing: dict[str, Any]) -> str:
    """`198 completed, 2 dead_letter · $0.028`."""
    counts = sorted(standing["counts"].items(), key=lambda pair: -pair[1])
    told = ", ".join(f"{count(number)} {status}" for status, number in counts)
    return f"{told} · {money(standing['total_cost_microdollars'])}"


def _bar(total: int) -> tuple[Any, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[text]}", markup=False),
    )
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    return bar, bar.add_task("submitted", total=total, text="")
