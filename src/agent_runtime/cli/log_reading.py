"""Reads log files from their ends, and follows them as they grow or are emptied by rotation."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

from agent_runtime.cli.failure import CommandFailed
from agent_runtime.cli.output import Output
from agent_runtime.cli.wording import safe

_LOOK_SECONDS = 0.25


def chosen_logs(existing: dict[str, Path], parts: list[str]) -> dict[str, Path]:
    """The logs of these parts (all, when none is named); raises CommandFailed for a part that has none."""
    missing = [part for part in parts if part not in existing]
    if missing:
        known = ", ".join(existing) or "none yet: the system has not been started from this data folder"
        raise CommandFailed(f"There is no log of {missing[0]!r}. Logs: {known}.")
    return {part: existing[part] for part in parts} if parts else existing


class LogReading:
    """Several logs read together; each line is told with its part when there is more than one."""

    def __init__(self, logs: dict[str, Path], output: Output) -> None:
        self._logs = logs
        self._output = output
        self._places = dict.fromkeys(logs, 0)
        self._width = max((len(part) for part in logs), default=0)

    def show_last(self, count: int) -> None:
        """The last `count` lines of each log."""
        for part, path in self._logs.items():
            with path.open("rb") as file:
                last = deque(file, maxlen=count)
                self._places[part] = file.tell()
            self._show(part, list(last))

    def follow(self) -> None:
        """Show what is written from now on, until interrupted."""
        while True:
            for part, path in self._logs.items():
                self._show(part, self._new_lines(part, path))
            time.sleep(_LOOK_SECONDS)

    def _new_lines(self, part: str, path: Path) -> list[bytes]:
        if path.stat().st_size < self._places[part]:
            self._places[part] = 0
        with path.open("rb") as file:
            file.seek(self._places[part])
            whole = [line for line in file if line.endswith(b"\n")]
        self._places[part] += sum(map(len, whole))
        return whole

    def _show(self, part: str, lines: list[bytes]) -> None:
        for raw in lines:
            text = safe(raw.decode(errors="replace").rstrip("\n"))
            if self._output.as_json:
                self._output.json_line({"part": part, "line": text})
            elif len(self._logs) > 1:
                self._output.line(f"{part.ljust(self._width)} | {text}")
            else:
                self._output.line(text)
