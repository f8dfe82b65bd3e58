"""The embedded server alone: made once, recovered after any kill, never on two ports or by two owners."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from agent_runtime.domain.errors import ConfigurationError, StartFailed
from agent_runtime.embedded import identity
from agent_runtime.embedded.database import verify
from agent_runtime.embedded.postgres import PostgresServer, TemporaryServer
from agent_runtime.embedded.process import find_programs, wait_until


def write(server: PostgresServer, value: int) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("create table if not exists kept (value int)")
        connection.execute("insert into kept values (%s)", (value,))


def read(server: PostgresServer) -> list[int]:
    with psycopg.connect(server.url) as connection:
        return [value for (value,) in connection.execute("select value from kept order by value")]


def test_what_was_committed_survives_kills_of_the_database(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "database")
    server.initialise()
    server.start()
    try:
        url = server.url
        for round_number in range(3):
            write(server, round_number)
            postmaster = server.process
            assert postmaster is not None
            postmaster.send(signal.SIGKILL)
            server.start()
            assert read(server) == list(range(round_number + 1))
        assert server.url == url
        verify(server.url, embedded=True)
    finally:
        server.stop()
    assert server.process is None
    assert find_programs("postgres", str(tmp_path)) == []


def test_the_process_is_the_postmaster_itself(tmp_path: Path) -> None:
    with TemporaryServer(tmp_path / "database") as server:
        child = server.start() if server.process is None else server.process
        assert Path(f"/proc/{child.pid}/comm").read_text().strip() == "postgres"
        assert child.pid == int((server.data_directory / "postmaster.pid").read_text().split()[0])


def test_a_second_server_takes_over_what_an_unknown_one_left_running(tmp_path: Path) -> None:
    first = PostgresServer(tmp_path / "database", durable=True)
    first.initialise()
    first.start()
    write(first, 1)
    second = PostgresServer(tmp_path / "database")
    try:
        second.start()
        assert read(second) == [1]
    finally:
        second.stop()
        first.stop()


def test_a_stale_lock_file_of_a_foreign_process_is_no_obstacle(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "database")
    server.initialise()
    (server.data_directory / "postmaster.pid").write_text(
        f"{os.getppid()}\n{server.data_directory}\n1\n1\n\n\n\nready\n"
    )
    try:
        server.start()
        assert server.ready
    finally:
        server.stop()


def test_an_interrupted_making_of_the_database_is_made_again(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "database", durable=False)
    (tmp_path / "database" / "data.new" / "base").mkdir(parents=True)
    with server:
        write(server, 1)
    assert not (tmp_path / "database" / "data.new").exists()


def test_the_password_is_private_and_needed(tmp_path: Path) -> None:
    with TemporaryServer(tmp_path / "database") as server:
        assert stat.S_IMODE((server.directory / "password").stat().st_mode) == 0o600
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.url.replace(server.url.split(":")[2].split("@")[0], "wrong"))


def test_a_server_that_does_not_sync_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="fsync=off"):
        PostgresServer(tmp_path, options={"fsync": "off"})
    with TemporaryServer(tmp_path / "database") as server, pytest.raises(StartFailed, match="fsync off"):
        verify(server.url, embedded=True)


def test_a_folder_without_programs_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="PAR_POSTGRES_BIN"):
        PostgresServer(tmp_path / "database", binaries=tmp_path).initialise()


def test_data_of_another_version_is_refused(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "database", durable=False)
    server.data_directory.mkdir(parents=True)
    (server.data_directory / "PG_VERSION").write_text("9\n")
    with pytest.raises(StartFailed, match="was made by PostgreSQL 9"):
        server.initialise()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_without_user_namespaces_runs_it_as_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_probed", [False])
    tmp_path.chmod(0o700)
    with TemporaryServer(tmp_path / "database") as server:
        assert server.data_directory.stat().st_uid == identity.NOBODY
        assert server.process is not None
        assert Path(f"/proc/{server.process.pid}").stat().st_uid == identity.NOBODY
        write(server, 1)
        # The owner of the files decides from now on, also where user namespaces work.
        monkeypatch.setattr(identity, "_probed", [True])
        server.stop()
        server.start()
        assert read(server) == [1]


def test_it_stops_when_its_parent_is_killed(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "database", durable=False)
    server.initialise()
    program = (
        "import os, pathlib; from agent_runtime.embedded.postgres import PostgresServer as Server;"
        f"Server(pathlib.Path({str(server.directory)!r}), durable=False).start(); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
    assert done.returncode == -signal.SIGKILL
    assert wait_until(lambda: server.process is None, 5.0)
