"""Systems in folders of their own, with stand-ins for the API and the worker, that never outlive their test."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_runtime.config import Settings, load
from agent_runtime.embedded import stop
from agent_runtime.embedded.layout import layout_of
from agent_runtime.embedded.ports import free_port
from agent_runtime.embedded.programs import Programs
from agent_runtime.embedded.state import read_state

STAND_INS = Path(__file__).parent / "stand_ins"
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

SettingsMaker = Callable[..., Settings]


@pytest.fixture
def programs() -> Programs:
    """Stand-ins, and no migrations: what is tested here is the supervisor alone."""
    worker, api = STAND_INS / "worker.py", STAND_INS / "api.py"
    return Programs(api=(sys.executable, str(api)), worker=(sys.executable, str(worker)), migrate=False)


@pytest.fixture
def make_settings(tmp_path: Path) -> Iterator[SettingsMaker]:
    """Makes settings of a system in a folder of the test; each of them is stopped at its end."""
    made: list[Settings] = []

    def make(folder: str = "system", **changes: str) -> Settings:
        given = {"PATH": PATH, "PAR_HOST": "127.0.0.1", "PAR_PORT": str(free_port())}
        given |= {"PAR_DATA_DIR": str(tmp_path / folder), "PYTHONPATH": ":".join(filter(None, sys.path))}
        given |= {f"PAR_{name.upper()}": value for name, value in changes.items()}
        made.append(load(given, tmp_path))
        return made[-1]

    yield make
    for settings in made:
        _end(settings)


@pytest.fixture
def settings(make_settings: SettingsMaker) -> Settings:
    """One system."""
    return make_settings()


def _end(settings: Settings) -> None:
    state = read_state(layout_of(settings))
    stop(settings)
    for part in () if state is None else state.parts:
        part.process.send(signal.SIGKILL)
