"""Which process is which: a number alone is not an identity, since numbers are used again and zombies keep theirs."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_DEAD_STATES = "ZX"


@dataclass(frozen=True)
class ProcessIdentity:
    """A process by its number and its start time (clock ticks since boot); both together never come again."""

    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """True while this very process runs; a zombie is dead."""
        return start_time(self.pid) == self.started

    def send(self, number: signal.Signals) -> bool:
        """Send a signal; False when the process is gone."""
        if not self.alive:
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def wait_gone(self, seconds: float) -> bool:
        """Wait until it is dead; False when it still lives after that time."""
        return wait_until(lambda: not self.alive, seconds)


def identify(pid: int) -> ProcessIdentity | None:
    """The live process with this number, or None."""
    started = start_time(pid)
    return None if started is None else ProcessIdentity(pid, started)


def start_time(pid: int) -> int | None:
    """Start time of a live process in clock ticks since boot; None for a dead one and for a zombie (proc(5))."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (OSError, ValueError):
        return None
    # The name in parentheses may itself hold spaces and parentheses.
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in _DEAD_STATES else int(fields[19])


def find_programs(name: str, mark: str) -> list[ProcessIdentity]:
    """Live processes of a program whose command line holds a mark; both can be read without any privilege."""
    found = []
    for entry in PROC.iterdir():
        identity = _match(entry, name, mark.encode()) if entry.name.isdigit() else None
        if identity is not None:
            found.append(identity)
    return found


def _match(entry: Path, name: str, mark: bytes) -> ProcessIdentity | None:
    try:
        if (entry / "comm").read_text().strip() != name or mark not in (entry / "cmdline").read_bytes():
            return None
    except OSError:
        return None
    return identify(int(entry.name))


def wait_until(condition: Callable[[], bool], seconds: float, step: float = 0.02) -> bool:
    """Poll a condition until it holds; False after that many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(step)
    return True
