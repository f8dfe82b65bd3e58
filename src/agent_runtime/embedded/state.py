"""What runs now, as the supervisor writes it down and everybody else reads it."""

import fcntl
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from agent_runtime.embedded.files import read_json, write_private
from agent_runtime.embedded.layout import Layout
from agent_runtime.embedded.process import ProcessIdentity

STARTING, RUNNING, STOPPING = "starting", "running", "stopping"


@dataclass(frozen=True)
class ProcessState:
    """One part: its process, and how often in a row it has ended right after its start."""

    name: str
    process: ProcessIdentity
    worker_id: str | None = None
    quick_ends: int = 0
    last_words: str = ""

    def as_json(self) -> dict[str, Any]:
        """The form in the file."""
        return {
            "name": self.name,
            "pid": self.process.pid,
            "started": self.process.started,
            "worker_id": self.worker_id,
            "quick_ends": self.quick_ends,
            "last_words": self.last_words,
        }


@dataclass(frozen=True)
class SystemState:
    """The whole system by the supervisor's last word; each process may have died since."""

    phase: str
    supervisor: ProcessIdentity
    api_url: str
    database_url: str
    parts: tuple[ProcessState, ...] = ()

    def part(self, name: str) -> ProcessState | None:
        """The live part with this name."""
        return next((each for each in self.parts if each.name == name and each.process.alive), None)

    def workers(self) -> list[ProcessState]:
        """The live workers."""
        return [each for each in self.parts if each.worker_id is not None and each.process.alive]

    def write(self, path: Path) -> None:
        """Replace the file; it is private, since the URL of the database holds its password."""
        text = {
            "phase": self.phase,
            "supervisor": {"pid": self.supervisor.pid, "started": self.supervisor.started},
            "api_url": self.api_url,
            "database_url": self.database_url,
            "parts": [each.as_json() for each in self.parts],
        }
        write_private(path, json.dumps(text, indent=1))


def read_state(layout: Layout) -> SystemState | None:
    """The last written state, or None when there is none that can be read."""
    raw = read_json(layout.state)
    try:
        return SystemState(
            phase=raw["phase"],
            supervisor=_identity(raw["supervisor"]),
            api_url=raw["api_url"],
            database_url=raw["database_url"],
            parts=tuple(_part(each) for each in raw["parts"]),
        )
    except (KeyError, TypeError):
        return None


def running_state(layout: Layout) -> SystemState | None:
    """The state of a system whose supervisor lives, or None."""
    state = read_state(layout)
    return state if state is not None and state.supervisor.alive else None


def take_lock(layout: Layout) -> IO[str] | None:
    """Become the supervisor of this data folder; None when another one is. The kernel frees it when we end."""
    file = layout.lock.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _identity(raw: Mapping[str, Any]) -> ProcessIdentity:
    return ProcessIdentity(raw["pid"], raw["started"])


def _part(raw: Mapping[str, Any]) -> ProcessState:
    return ProcessState(raw["name"], _identity(raw), raw["worker_id"], raw["quick_ends"], raw["last_words"])
