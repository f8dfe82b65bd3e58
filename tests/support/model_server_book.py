"""The server's own books: every request with its outcome and tokens, broken histories, and faults to strike next."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agent_runtime.models.script import Turn
from tests.support.model_server_history import Place, Spoken, history_hash


@dataclass
class Entry:
    """One request. `outcome` is open, answered, refused (an error status), broken (a fault in the reply) or aborted."""

    number: int
    provider: str
    model: str
    task: str
    step: int
    request_hash: str
    stream: bool
    asked_at: float
    max_output_tokens: int | None = None
    temperature: float | None = None
    outcome: str = "open"
    fault: str | None = None
    status: int = 200
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    ended_at: float | None = None


@dataclass
class Mode:
    """A fault for the next `count` requests (None: until cleared), of one task or of all."""

    fault: str
    count: int | None = None
    task: str | None = None
    retry_after: float | str | None = None

    def takes(self, task: str) -> bool:
        return (self.task is None or self.task == task) and self.count != 0


@dataclass
class Book:
    """Everything that a test asks the server afterwards. Each request's end is a line in `log_file`."""

    log_file: Path | None = None
    entries: list[Entry] = field(default_factory=list)
    violations: list[dict[str, Any]] = field(default_factory=list)
    modes: list[Mode] = field(default_factory=list)
    _struck: Counter[tuple[str, int]] = field(default_factory=Counter)

    def ask(self, provider: str, model: str, place: Place, history: list[Spoken], stream: bool) -> Entry:
        """Open the books for a request."""
        entry = Entry(
            len(self.entries), provider, model, place.task, place.step, history_hash(history), stream, time.time()
        )
        self.entries.append(entry)
        self._write("asked", entry)
        return entry

    def bill(self, entry: Entry, turn: Turn) -> None:
        """The reply went out whole: its tokens are owed."""
        entry.input_tokens, entry.output_tokens = turn.input_tokens, turn.output_tokens
        entry.cache_read_tokens, entry.cache_write_tokens = turn.cache_read_tokens, turn.cache_write_tokens

    def close(self, entry: Entry, outcome: str, *, fault: str | None = None, status: int = 200) -> None:
        """Note how a request ended."""
        entry.outcome, entry.fault, entry.status, entry.ended_at = outcome, fault, status, time.time()
        self._write("ended", entry)

    def violate(self, entry: Entry, problems: list[str]) -> None:
        """Note a broken history."""
        violation = {"request": entry.number, "task": entry.task, "step": entry.step, "problems": problems}
        self.violations.append(violation)
        self._append({"event": "violation", **violation})

    def strike(self, place: Place) -> tuple[str | None, float | str | None]:
        """The fault for this request and its Retry-After: from the script's turn, else from the set modes."""
        turn = place.turn
        if turn.error is not None or turn.fault is not None:
            self._struck[place.task, place.step] += 1
            if turn.times is None or self._struck[place.task, place.step] <= turn.times:
                if turn.error is not None:
                    return str(turn.error.status), turn.error.retry_after_seconds
                return turn.fault, None
        for mode in self.modes:
            if mode.takes(place.task):
                mode.count = None if mode.count is None else mode.count - 1
                return mode.fault, mode.retry_after
        return None, None

    def log(self) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in self.entries]

    def _write(self, event: str, entry: Entry) -> None:
        self._append({"event": event, **asdict(entry)})

    def _append(self, line: dict[str, Any]) -> None:
        if self.log_file is not None:
            with self.log_file.open("a") as out:
                out.write(json.dumps(line) + "\n")
