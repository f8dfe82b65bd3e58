"""A whole system under its supervisor: one command up, one command down, and what dies comes back."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from agent_runtime.config import Settings
from agent_runtime.domain.errors import StartFailed
from agent_runtime.embedded import SystemStatus, check, restart, scale, start, status, stop
from agent_runtime.embedded.files import write_private
from agent_runtime.embedded.layout import Layout, layout_of
from agent_runtime.embedded.process import identify, wait_until
from agent_runtime.embedded.programs import Programs
from agent_runtime.embedded.state import read_state
from tests.embedded.conftest import SettingsMaker


def is_whole(found: SystemStatus, workers: int) -> bool:
    parts_run = found.database is not None and found.api is not None
    return parts_run and [each.status for each in found.workers] == ["online"] * workers


def all_ended(layout: Layout) -> bool:
    state = read_state(layout)
    return state is None or not any(each.process.alive for each in state.parts)


def test_start_brings_everything_up_and_stop_everything_down(settings: Settings, programs: Programs) -> None:
    found = start(settings, 2, programs=programs)
    assert is_whole(found, 2)
    assert found.as_json() == status(settings).as_json()
    assert found.database is not None
    with psycopg.connect(found.database.url) as connection:
        assert connection.info.get_parameters()["user"] == "par"
    pids = [found.database.pid, found.supervisor_pid, *(each.pid for each in found.workers)]
    assert stop(settings)
    assert [pid for pid in pids if pid is not None and identify(pid)] == []
    assert status(settings).as_json() == {"database": None, "api": None, "workers": []}
    assert not stop(settings)


def test_a_second_start_changes_nothing_and_says_where_it_runs(settings: Settings, programs: Programs) -> None:
    first = start(settings, 1, programs=programs)
    second = start(settings, 3, programs=programs)
    assert second.already_running
    assert second.as_json() == first.as_json()


def test_restart_keeps_data_port_and_password(settings: Settings, programs: Programs) -> None:
    first = start(settings, 1, programs=programs)
    second = restart(settings, 1, programs=programs)
    assert first.database is not None
    assert second.database is not None
    assert (first.database.url, first.database.pid == second.database.pid) == (second.database.url, False)


def test_each_killed_part_comes_back_within_two_seconds(settings: Settings, programs: Programs) -> None:
    before = start(settings, 2, programs=programs)
    assert before.database is not None
    assert before.api is not None
    killed = [before.database.pid, before.api.pid, before.workers[0].pid]
    for pid in killed:
        os.kill(pid or 0, signal.SIGKILL)
    assert wait_until(lambda: is_whole(status(settings), 2), 2.0)
    after = status(settings)
    assert after.database is not None
    assert after.database.url == before.database.url
    assert before.workers[0].worker_id not in {each.worker_id for each in after.workers}
    assert before.workers[1] in after.workers
    assert not {after.database.pid, *(each.pid for each in after.workers)} & set(killed)


def test_the_database_survives_a_kill_of_the_whole_tree(settings: Settings, programs: Programs) -> None:
    before = start(settings, 1, programs=programs)
    assert before.database is not None
    with psycopg.connect(before.database.url, autocommit=True) as connection:
        connection.execute("create table kept as select 1 as value")
    for pid in (before.supervisor_pid, before.database.pid, before.workers[0].pid):
        os.kill(pid or 0, signal.SIGKILL)
    after = start(settings, 1, programs=programs)
    assert is_whole(after, 1)
    assert after.database is not None
    with psycopg.connect(after.database.url) as connection:
        assert connection.execute("select value from kept").fetchone() == (1,)


def test_nothing_runs_without_its_supervisor(settings: Settings, programs: Programs) -> None:
    found = start(settings, 2, programs=programs)
    os.kill(found.supervisor_pid or 0, signal.SIGKILL)
    assert wait_until(lambda: all_ended(layout_of(settings)), 5.0)
    assert status(settings).as_json() == {"database": None, "api": None, "workers": []}
    assert not start(settings, 2, programs=programs).already_running


def test_two_systems_run_side_by_side(make_settings: SettingsMaker, programs: Programs) -> None:
    one, other = make_settings("one"), make_settings("other")
    first, second = start(one, 1, programs=programs), start(other, 1, programs=programs)
    assert first.database is not None
    assert second.database is not None
    assert first.database.url != second.database.url
    stop(one)
    assert is_whole(status(other), 1)


def test_scale_returns_when_exactly_so_many_workers_live(settings: Settings, programs: Programs) -> None:
    start(settings, 1, programs=programs)
    assert is_whole(scale(settings, 3), 3)
    assert is_whole(scale(settings, 1), 1)
    assert is_whole(status(settings), 1)


def test_the_state_is_private(settings: Settings, programs: Programs) -> None:
    start(settings, 0, programs=programs)
    assert layout_of(settings).state.stat().st_mode & 0o077 == 0


def test_a_taken_port_is_one_clear_line(settings: Settings, programs: Programs) -> None:
    with socket.create_server(("127.0.0.1", settings.port)):
        with pytest.raises(StartFailed, match=rf"^port {settings.port} on 127.0.0.1 is in use .* PAR_PORT"):
            start(settings, 1, programs=programs)
        assert not next(each for each in check(settings) if each.name == "port").ok
    assert status(settings).supervisor_pid is None
    assert not layout_of(settings).database.exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://par:hidden-word@127.0.0.1:9/par", "PAR_DATABASE_URL: .*refused"),
        ("postgresql://par:hidden-word@127.0.0.1:{port}/par", "PAR_DATABASE_URL: .*password authentication failed"),
    ],
)
def test_a_wrong_database_is_one_clear_line(
    url: str, words: str, make_settings: SettingsMaker, programs: Programs
) -> None:
    server = start(make_settings("server"), 0, programs=programs).database
    assert server is not None
    settings = make_settings("client", database_url=url.format(port=server.url.rpartition(":")[2].split("/")[0]))
    with pytest.raises(StartFailed, match=words) as caught:
        start(settings, 1, programs=replace(programs, migrate=True))
    assert "hidden-word" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert all_ended(layout_of(settings))


def test_somebody_elses_database_is_used_and_left_running(make_settings: SettingsMaker, programs: Programs) -> None:
    server = start(make_settings("server"), 0, programs=programs).database
    assert server is not None
    settings = make_settings("client", database_url=server.url)
    found = start(settings, 1, programs=programs)
    assert found.as_json()["database"] == {"url": server.url, "pid": None}
    stop(settings)
    psycopg.connect(server.url).close()


def test_an_unwritable_folder_is_one_clear_line(make_settings: SettingsMaker, programs: Programs) -> None:
    # Root may write anywhere but where no folder can be.
    settings = make_settings(folder="/proc/nothing-here")
    with pytest.raises(StartFailed, match=r"cannot write to the data folder /proc/nothing-here: .*PAR_DATA_DIR"):
        start(settings, 1, programs=programs)


def test_a_part_that_ends_at_every_start_stops_the_start(settings: Settings, programs: Programs) -> None:
    broken = replace(programs, worker=("/bin/sh", "-c", "echo it is broken; exit 7"))
    with pytest.raises(StartFailed, match=r"worker-1 ends at every start: it is broken"):
        start(settings, 1, programs=broken)
    assert status(settings).supervisor_pid is None
    assert "exit code 7" in layout_of(settings).log("supervisor").read_text()


def test_check_starts_nothing(settings: Settings) -> None:
    assert [each for each in check(settings) if not each.ok] == []
    assert not Path(settings.data_dir).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_files_of_another_user_are_one_clear_line(settings: Settings) -> None:
    layout = layout_of(settings)
    layout.prepare()
    write_private(layout.state, "{}")
    os.chown(layout.state, 65534, 65534)
    # Root without these two capabilities is a user like any other, but can still reach this Python.
    program = "import agent_runtime.config as config, agent_runtime.embedded as embedded; embedded.{}(config.load())"
    weak = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", sys.executable, "-c"]
    for verb, words in (("status", "cannot read"), ("start", "belongs to another user")):
        command, environment = [*weak, program.format(verb)], settings.child_environment()
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        last = done.stderr.splitlines()[-1]
        assert str(layout.state) in last
        assert words in last
