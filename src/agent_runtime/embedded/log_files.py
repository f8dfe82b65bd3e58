"""Log files of bounded size, and the supervisor's own lines."""

import contextlib
import json
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

LARGEST_BYTES = 10 * 1024 * 1024
KEPT_FILES = 3


def rotate(path: Path, largest_bytes: int = LARGEST_BYTES, kept: int = KEPT_FILES) -> bool:
    """Move a log that has grown too large aside, keeping some; True when it was moved.

    The text is copied and the file emptied in place: the process that writes it has opened it for appending and
    keeps its descriptor, so what it writes next lands at the new start.
    """
    with contextlib.suppress(OSError):
        if path.stat().st_size <= largest_bytes:
            return False
        for number in range(kept - 1, 0, -1):
            older = path.with_name(f"{path.name}.{number}")
            if older.exists():
                older.replace(path.with_name(f"{path.name}.{number + 1}"))
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
        with path.open("r+b") as file:
            file.truncate(0)
        return True
    return False


def last_line(path: Path, size: int = 8192) -> str:
    """The last line in a log that says something; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - size))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


class EventLog:
    """The supervisor's lines: JSON in its log, plain words to a person who watches. A full disk stops nothing."""

    def __init__(self, path: Path, watch: Callable[[str], None] | None = None) -> None:
        self._path = path
        self._watch = watch

    def write(self, message: str, *, level: str = "info", **fields: object) -> None:
        """One line; `fields` are further words for machines."""
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "event": message}
        with contextlib.suppress(OSError), self._path.open("a") as file:
            file.write(json.dumps({**line, "component": "supervisor", **fields}) + "\n")
        if self._watch is not None:
            with contextlib.suppress(OSError):
                self._watch(message)


def to_stderr(message: str) -> None:
    """Watcher that shows lines to whoever started the supervisor in the foreground."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
