"""The whole system on one machine: database, API and workers under one supervisor.

Here live the commands behind `par up`, `start`, `stop`, `status` and their kin, the supervisor process and the
embedded PostgreSQL. It knows the API and the worker as command lines only and never imports them, nor a library of
agents or models. Names are loaded when first used, so that `par --help` costs nothing.
Start reading at `commands.py`, then `supervisor.py`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_runtime.embedded.commands import migrate, reset, restart, rotate_master_key, scale, start, stop, up
    from agent_runtime.embedded.layout import log_paths
    from agent_runtime.embedded.prerequisites import Check, check
    from agent_runtime.embedded.system_status import Endpoint, SystemStatus, WorkerStatus, status

_HOMES = {
    "prerequisites": ("Check", "check"),
    "commands": ("migrate", "reset", "restart", "rotate_master_key", "scale", "start", "stop", "up"),
    "layout": ("log_paths",),
    "system_status": ("Endpoint", "SystemStatus", "WorkerStatus", "status"),
}

__all__ = [
    "Check",
    "Endpoint",
    "SystemStatus",
    "WorkerStatus",
    "check",
    "log_paths",
    "migrate",
    "reset",
    "restart",
    "rotate_master_key",
    "scale",
    "start",
    "status",
    "stop",
    "up",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
