"""The system on which the demo plays: the one that runs here, or a small one of its own that is gone afterwards."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_runtime.cli.output import Output
from agent_runtime.domain.errors import AgentRuntimeError

if TYPE_CHECKING:
    from agent_runtime.config import Settings
    from agent_runtime.embedded import SystemStatus

_WORKERS = 2


@dataclass(frozen=True)
class Stage:
    """A system with at least two workers on this machine."""

    settings: Settings
    url: str

    def worker_pids(self) -> dict[str, int]:
        from agent_runtime.embedded import status

        return {worker.worker_id: worker.pid for worker in status(self.settings).workers}


@contextlib.contextmanager
def prepared_stage(output: Output, own: bool) -> Iterator[Stage]:
    """The running system, when it has two workers online and `own` is not asked for; else a temporary one."""
    from agent_runtime.config import load
    from agent_runtime.embedded import status

    settings = load()
    found = None if own else _usable(status(settings))
    if found is not None:
        output.note(f"Using the system at {found}; one of its workers will be killed and replaced.")
        yield Stage(settings, found)
        return
    with _own_system(settings, output) as stage:
        yield stage


def _usable(running: SystemStatus) -> str | None:
    online = [worker for worker in running.workers if worker.status == "online"]
    return running.api.url if running.api is not None and len(online) >= _WORKERS else None


@contextlib.contextmanager
def _own_system(settings: Settings, output: Output) -> Iterator[Stage]:
    from agent_runtime.embedded import start, stop

    folder = tempfile.mkdtemp(prefix="par-demo-")
    own = _own_settings(settings, folder)
    output.note(f"Starting a database, an API and {_WORKERS} workers in {folder} ...")
    keep = False
    try:
        running = start(own, _WORKERS)
        yield Stage(own, running.api.url if running.api is not None else own.api_url)
    except AgentRuntimeError:
        keep = True
        output.note(f"What went wrong is in {folder}/logs.")
        raise
    finally:
        stop(own)
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _own_settings(settings: Settings, folder: str) -> Settings:
    """Settings of a system that shares nothing with the one that these settings describe."""
    from agent_runtime.config import load

    left_out = ("PAR_DATABASE_URL", "PAR_URL", "PAR_API_KEY", "PAR_WORKER_ID", "PAR_WORKER_POOL", "PAR_FAULT")
    kept = {name: value for name, value in settings.base_environment.items() if name not in left_out}
    changes = {
        "PAR_DATA_DIR": folder,
        "PAR_HOST": "127.0.0.1",
        "PAR_PORT": str(_free_port()),
        "PAR_DISCOVERY": "0",
        "PAR_ENV_FILE": "",
    }
    return load({**kept, **changes})


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
