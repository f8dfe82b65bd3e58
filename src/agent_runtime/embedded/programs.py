"""The command lines of the parts that the supervisor runs."""

import json
import sys
from dataclasses import dataclass, field


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name)


@dataclass(frozen=True)
class Programs:
    """How the API and a worker are started, and whether the database is migrated before; tests put stand-ins here."""

    api: tuple[str, ...] = field(default_factory=lambda: _module("agent_runtime.api"))
    worker: tuple[str, ...] = field(default_factory=lambda: _module("agent_runtime.worker"))
    migrate: bool = True

    def as_json(self) -> str:
        """One word of a command line."""
        return json.dumps({"api": self.api, "worker": self.worker, "migrate": self.migrate})

    @classmethod
    def from_json(cls, text: str) -> "Programs":
        """The inverse of `as_json`."""
        raw = json.loads(text)
        return cls(tuple(raw["api"]), tuple(raw["worker"]), raw["migrate"])
