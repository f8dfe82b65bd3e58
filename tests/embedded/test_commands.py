"""The commands around a system: in the foreground, twice at once, and on its database alone."""

import concurrent.futures
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent_runtime.config import Settings
from agent_runtime.domain.errors import ConfigurationError, StartFailed
from agent_runtime.embedded import migrate, reset, scale, start, status, stop, up
from agent_runtime.embedded.layout import layout_of
from agent_runtime.embedded.process import wait_until
from agent_runtime.embedded.programs import Programs
from agent_runtime.embedded.state import take_lock
from agent_runtime.store.migrate import pending
from tests.embedded.conftest import SettingsMaker

FOREGROUND = """
import sys
from agent_runtime.config import load
from agent_runtime.embedded import up
from agent_runtime.embedded.programs import Programs
up(load(), 1, announce=lambda status: print("ready", len(status.workers), flush=True),
   programs=Programs.from_json(sys.argv[1]))
print("stopped", flush=True)
"""


@contextmanager
def foreground(settings: Settings, programs: Programs) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", FOREGROUND, programs.as_json()]
    environment = settings.child_environment(data_dir=str(settings.data_dir))
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_control_c_stops_a_foreground_system(settings: Settings, programs: Programs) -> None:
    with foreground(settings, programs) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready 1\n"
        assert len(status(settings).workers) == 1
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "stopped\n"
        assert process.wait(5) == 0
    assert not status(settings).running


def test_a_second_foreground_system_is_refused_and_says_where_the_first_runs(
    settings: Settings, programs: Programs
) -> None:
    start(settings, 0, programs=programs)
    with pytest.raises(StartFailed, match=rf"already runs from .* at {settings.api_url}"):
        up(settings, 1, programs=programs)
    assert status(settings).running


def test_of_two_starts_at_once_one_starts_and_both_see_it(settings: Settings, programs: Programs) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(start, settings, 1, programs=programs) for _ in range(2))
        found = [first.result(), second.result()]
    assert sorted(each.already_running for each in found) == [False, True]
    assert found[0].as_json() == found[1].as_json()


def test_a_start_while_another_command_works_says_so(
    settings: Settings, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_runtime.embedded.commands.LOCKED_SECONDS", 0.1)
    layout = layout_of(settings)
    layout.prepare()
    lock = take_lock(layout)
    assert lock is not None
    with lock, pytest.raises(StartFailed, match="another command is at work"):
        start(settings, 1, programs=programs)


def test_migrate_and_reset_need_no_running_system(settings: Settings) -> None:
    applied = migrate(settings)
    assert applied
    assert migrate(settings) == []
    assert reset(settings) == applied
    assert not status(settings).running


def test_migrate_works_on_a_running_system(settings: Settings, programs: Programs) -> None:
    database = start(settings, 0, programs=programs).database
    assert database is not None
    assert migrate(settings)
    assert pending(database.url) == []
    assert status(settings).database == database


def test_reset_refuses_a_running_system_and_a_foreign_database(
    make_settings: SettingsMaker, programs: Programs
) -> None:
    settings = make_settings()
    found = start(settings, 0, programs=programs)
    with pytest.raises(StartFailed, match="stop it first"):
        reset(settings)
    assert found.database is not None
    with pytest.raises(StartFailed, match="PAR_DATABASE_URL is set"):
        reset(make_settings("client", database_url=found.database.url))


def test_scale_needs_a_running_system_and_a_sensible_number(settings: Settings, programs: Programs) -> None:
    with pytest.raises(StartFailed, match="no system runs"):
        scale(settings, 1)
    with pytest.raises(ConfigurationError, match="between 0 and 256"):
        start(settings, -1, programs=programs)


def test_a_wrong_fault_point_stops_the_start(make_settings: SettingsMaker, programs: Programs) -> None:
    settings = make_settings(fault="nowhere:1:exit", faults_allowed="1")
    with pytest.raises(StartFailed, match="there is no fault point 'nowhere'"):
        start(settings, 1, programs=programs)


def test_an_unknown_setting_stops_the_background_process(tmp_path: Path) -> None:
    environment = {"PATH": os.defpath, "PYTHONPATH": ":".join(filter(None, sys.path)), "PAR_PROT": "1"}
    command = [sys.executable, "-m", "agent_runtime.embedded"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "PAR_PROT: there is no such setting: did you mean PAR_PORT?\n"
    assert list(tmp_path.iterdir()) == []


def test_a_stubborn_worker_is_killed_at_the_stop(make_settings: SettingsMaker, programs: Programs) -> None:
    settings = make_settings(drain_seconds="0")
    stubborn = (
        "import os, pathlib, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "mine = pathlib.Path(os.environ['PAR_DATA_DIR'], 'registry', os.environ['PAR_WORKER_ID']);"
        "mine.parent.mkdir(exist_ok=True); mine.touch(); signal.pause()"
    )
    found = start(settings, 1, programs=Programs(programs.api, (sys.executable, "-c", stubborn), migrate=False))
    assert stop(settings)
    assert wait_until(lambda: not Path(f"/proc/{found.workers[0].pid}").exists(), 1.0)
    assert "is killed" in layout_of(settings).log("supervisor").read_text()
