"""What a start needs, looked at without starting anything."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from agent_runtime import fault_points
from agent_runtime.config import Settings
from agent_runtime.domain.errors import AgentRuntimeError
from agent_runtime.embedded.binaries import find_postgres_binaries
from agent_runtime.embedded.database import embedded_server, verify
from agent_runtime.embedded.identity import describe_mode
from agent_runtime.embedded.layout import layout_of
from agent_runtime.embedded.ports import require_free
from agent_runtime.embedded.state import running_state

OLDEST_PYTHON = (3, 11)
PACKAGES = ("fastapi", "langgraph", "langchain", "psycopg", "pydantic", "typer", "uvicorn")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `detail` says what was found or, when not ok, what to do."""

    name: str
    ok: bool
    detail: str


def check(settings: Settings) -> list[Check]:
    """Everything that a start needs, each with what was found. Starts nothing and raises nothing."""
    looks: list[tuple[str, Callable[[Settings], str]]] = [
        ("python", _python),
        ("packages", _packages),
        ("data folder", _data_folder),
        ("database", _database),
        ("port", _port),
        ("supervision", _supervision),
        ("model providers", _providers),
        ("fault points", _faults),
    ]
    return [_look(name, settings, look) for name, look in looks]


def _look(name: str, settings: Settings, look: Callable[[Settings], str]) -> Check:
    try:
        return Check(name, True, look(settings))
    except (AgentRuntimeError, OSError) as error:
        return Check(name, False, str(error))


def _python(settings: Settings) -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        raise AgentRuntimeError(f"Python {version} is too old: 3.11 or newer is needed")
    return version


def _packages(settings: Settings) -> str:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise AgentRuntimeError(f"not installed: {', '.join(missing)}; run `make install`")
    return "installed"


def _data_folder(settings: Settings) -> str:
    layout = layout_of(settings)
    existed = layout.root.exists()
    try:
        layout.prepare()
        free = shutil.disk_usage(layout.root).free // 2**20
    finally:
        if not existed:
            shutil.rmtree(layout.root, ignore_errors=True)
    return f"{layout.root}, {free} MB free"


def _database(settings: Settings) -> str:
    if settings.database_url is not None:
        verify(settings.database_url, embedded=False)
        return "PAR_DATABASE_URL answers"
    layout = layout_of(settings)
    programs = find_postgres_binaries(settings.postgres_bin)
    command = [str(programs / "postgres"), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    if done.returncode != 0:
        raise AgentRuntimeError(f"{programs}/postgres does not run here: {done.stderr.strip()}")
    server = embedded_server(settings, layout)
    state = "with data" if server is not None and server.initialised else "new"
    return f"embedded {done.stdout.strip()}, {state}, {describe_mode(layout.database)}"


def _port(settings: Settings) -> str:
    state = running_state(layout_of(settings))
    if state is not None:
        return f"a system of this data folder runs at {state.api_url}"
    require_free(settings.host, settings.port)
    return f"{settings.host}:{settings.port} is free"


def _supervision(settings: Settings) -> str:
    if shutil.which("setpriv") is None:
        raise AgentRuntimeError("setpriv (util-linux) is missing: a killed supervisor would leave processes behind")
    return "processes end with their supervisor"


def _providers(settings: Settings) -> str:
    keys = [name for name in settings.provider_environment if name.endswith(("_KEY", "_BEDROCK", "_KEY_ID", "PROFILE"))]
    keys = [name for name in keys if not name.startswith("E2B_")]
    named = [*keys, *settings.openai_compatible]
    return ", ".join(named) if named else "none set; the scripted model works without any"


def _faults(settings: Settings) -> str:
    armed = fault_points.parse(settings.fault or "")
    return f"armed: {', '.join(armed)}" if armed else "none armed"
