"""The system that runs on this machine: its settings as changed by options, and how its state is shown."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_runtime.cli.output import Output
from agent_runtime.cli.wording import safe_line

if TYPE_CHECKING:
    from agent_runtime.config import Settings
    from agent_runtime.embedded import SystemStatus


def local_settings(port: int | None = None, data_dir: str | None = None) -> Settings:
    """The settings of this process with what the command line says otherwise."""
    from agent_runtime.config import load

    changes = {"PAR_PORT": None if port is None else str(port), "PAR_DATA_DIR": data_dir}
    given = {name: value for name, value in changes.items() if value is not None}
    settings = load()
    # Loaded again with the changes, so that child processes inherit them and every rule is checked as usual.
    return load({**settings.base_environment, **given}) if given else settings


def print_status(status: SystemStatus, output: Output) -> None:
    """What runs: JSON as scripts expect it, or a table."""
    if output.as_json:
        output.json(status.as_json())
        return
    if not status.running:
        output.line(f"Nothing runs from {status.data_dir}. Start it with `par start` or `par up`.")
        return
    rows = [
        ["database", _pid(status.database), _place(status.database)],
        ["api", _pid(status.api), _place(status.api)],
        *[["worker", str(worker.pid), f"{worker.worker_id}  {worker.status}"] for worker in status.workers],
    ]
    output.rows(("part", "pid", "where"), rows, ())


def command_name() -> str:
    """How this command can be called again: by its name when the shell finds it, else as it was called now."""
    called = sys.argv[0]
    name = Path(called).name
    found = shutil.which(name)
    return name if found is not None and Path(found).resolve() == Path(called).resolve() else called


def ready_lines(status: SystemStatus) -> list[str]:
    """The address and the next command to try."""
    url = status.api.url if status.api is not None else "?"
    word = "Already running" if status.already_running else "Ready"
    count = len(status.workers)
    return [
        f"{word}: {url} with {count} {'worker' if count == 1 else 'workers'} (API documentation at {url}/docs).",
        f"Try next: {command_name()} demo",
    ]


def _pid(part: Any) -> str:
    return "-" if part is None else str(part.pid or "not ours")


def _place(part: Any) -> str:
    return "does not run" if part is None else safe_line(without_password(part.url))


def without_password(url: str) -> str:
    """The URL as it may be shown; `par status --json` has the whole one for psql."""
    scheme, separator, rest = url.partition("://")
    account, at, address = rest.rpartition("@")
    return f"{scheme}{separator}{account.partition(':')[0]}{at}{address}"
