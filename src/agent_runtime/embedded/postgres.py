"""One PostgreSQL server in one folder: make it, start it, recover it after a kill, stop it."""

import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from agent_runtime.domain.errors import StartFailed
from agent_runtime.embedded.binaries import find_postgres_binaries
from agent_runtime.embedded.files import read_text, sync_folder, write_private
from agent_runtime.embedded.identity import command_prefix, prepare_owner, tied_to_parent
from agent_runtime.embedded.ports import free_port, is_free
from agent_runtime.embedded.postgres_options import effective_options
from agent_runtime.embedded.process import ProcessIdentity, find_programs, identify, wait_until

HOST = "127.0.0.1"
SUPERUSER = "par"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
INITIALISE_SECONDS = 120.0


@dataclass(frozen=True)
class _Status:
    """What `postmaster.pid` says (format: PostgreSQL's miscadmin.h, LOCK_FILE_LINE_*)."""

    pid: int
    state: str


class PostgresServer:
    """A server whose files, port and password live in `directory`.

    `initialise()` makes what is missing; `start()` returns once it accepts connections; `url` is the owner's.
    With `durable=False` (tests only) nothing is synced to disk. With `tied=True` the kernel stops the server
    when the thread that started it ends. Every method may raise StartFailed with one line.
    """

    def __init__(
        self,
        directory: Path,
        *,
        options: Mapping[str, str] | None = None,
        binaries: Path | None = None,
        database: str = "par",
        durable: bool = True,
        tied: bool = True,
        log_file: Path | None = None,
    ) -> None:
        self.directory = Path(directory).absolute()
        self.database = database
        self.log_file = log_file or self.directory / "database.log"
        self._options = effective_options(options, durable=durable)
        self._override = binaries
        self._durable = durable
        self._tied = tied
        self._child: subprocess.Popen[bytes] | None = None

    # -- what it is ---------------------------------------------------------------------------------

    @property
    def data_directory(self) -> Path:
        """PostgreSQL's own folder."""
        return self.directory / "data"

    @property
    def initialised(self) -> bool:
        """Whether the data folder is complete (it is renamed into place only then)."""
        return (self.data_directory / "PG_VERSION").exists()

    @property
    def port(self) -> int:
        """TCP port on the loopback address; stays the same over restarts while nobody else takes it."""
        return int(read_text(self.directory / "port") or 0)

    @property
    def url(self) -> str:
        """Connection URL of the owner, password included, usable by psql as it is."""
        return f"postgresql://{SUPERUSER}:{quote(self._password())}@{HOST}:{self.port}/{self.database}"

    @property
    def process(self) -> ProcessIdentity | None:
        """The live postmaster, whoever started it, or None."""
        status = self._read_status()
        identity = None if status is None else identify(status.pid)
        return identity if identity in self._processes() else None

    @property
    def ready(self) -> bool:
        """Whether the live postmaster accepts connections."""
        status = self._read_status()
        return status is not None and status.state == "ready" and self.process is not None

    # -- make -----------------------------------------------------------------------------------------

    def initialise(self) -> bool:
        """Make the data folder, password and database when missing; True when they were made now."""
        if self.initialised:
            self._check_version()
            return False
        if self.data_directory.exists():
            raise StartFailed(f"{self.data_directory} is there but is no PostgreSQL data folder: move it away")
        self.directory.mkdir(parents=True, exist_ok=True)
        if not self._password():
            write_private(self.directory / "password", secrets.token_urlsafe(24))
        fresh = self.directory / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        prepare_owner(fresh)
        self._run_initdb(fresh)
        self._create_database(fresh)
        fresh.rename(self.data_directory)
        # Until the new name is on disk, a power cut could bring the old one back, which the next start throws away.
        sync_folder(self.directory)
        return True

    def _run_initdb(self, target: Path) -> None:
        command = [str(self._program("initdb")), "--pgdata", str(target), "--username", SUPERUSER]
        command += ["--auth=scram-sha-256", "--locale=C.UTF-8", "--encoding=UTF8"]
        command += [f"--pwfile={self.directory / 'password'}"]
        command += [] if self._durable else ["--no-sync"]
        self._run(target, command, "initdb", b"")

    def _create_database(self, target: Path) -> None:
        command = [str(self._program("postgres")), "--single", "-D", str(target)]
        command += ["-c", f"fsync={self._options['fsync']}", "postgres"]
        self._run(target, command, "making the database", f"create database {self.database};\n".encode())

    def _run(self, target: Path, command: list[str], what: str, text: bytes) -> None:
        try:
            done = subprocess.run(
                [*command_prefix(target), *command],
                input=text,
                capture_output=True,
                timeout=INITIALISE_SECONDS,
                check=False,
                cwd=target,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StartFailed(f"{what} in {self.directory} failed: {error}") from error
        if done.returncode != 0:
            raise StartFailed(f"{what} in {self.directory} failed: {_last_words(done.stderr or done.stdout)}")

    def _check_version(self) -> None:
        have = (self.data_directory / "PG_VERSION").read_text().strip()
        program = self._program("postgres")
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)
        words = done.stdout.split()
        if len(words) > 2 and words[2].split(".")[0] != have:
            raise StartFailed(
                f"{self.data_directory} was made by PostgreSQL {have} and {program} is {words[2]}: "
                f"set PAR_POSTGRES_BIN to the programs of version {have}, or dump and reload"
            )

    # -- start and stop -------------------------------------------------------------------------------

    def start(self, timeout: float = START_SECONDS) -> subprocess.Popen[bytes]:
        """Start the server (after `initialise`) and wait until it accepts connections, crash recovery included.

        The process that is returned is the postmaster itself: every wrapper before it replaces itself.
        Raises StartFailed with the last line of its log when it ends, or is not ready after `timeout` seconds.
        """
        child = self.spawn()
        if not wait_until(lambda: self.ready or child.poll() is not None, timeout):
            self.stop(0)
            raise StartFailed(f"the database was not ready after {timeout:.0f} s; its log is {self.log_file}")
        if child.poll() is not None:
            raise StartFailed(f"the database ended at its start: {_last_words(_tail(self.log_file))}")
        return child

    def spawn(self, *, keep_port: bool = False) -> subprocess.Popen[bytes]:
        """Start the server without waiting for it; with `keep_port` its clients go on with the URL that they have."""
        self.clear_remains()
        if not keep_port:
            self._settle_port()
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self._child = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.data_directory,
                start_new_session=True,
            )
        return self._child

    def command(self) -> list[str]:
        """The whole command line; each word before `postgres` replaces itself by the next, so one process remains."""
        options = {**self._options, "port": str(self.port), "cluster_name": self._mark}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        tied = tied_to_parent("INT") if self._tied else []
        program = str(self._program("postgres"))
        prefix = [*command_prefix(self.data_directory), *tied]
        return [*prefix, program, "-D", str(self.data_directory), *words]

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Stop it: fast first (clients are cut, data is flushed), then at once (recovery at the next start)."""
        identity = self.process
        for number, seconds in ((signal.SIGINT, timeout), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            if identity is None or (identity.send(number) and self._wait_gone(identity, seconds)):
                break
        self._wait_child()

    def clear_remains(self) -> None:
        """Make the folder startable after a kill: end what still runs in it and remove a stale lock file.

        PostgreSQL itself takes a zombie for a live server and would refuse to start.
        """
        self._wait_child()
        self.stop(5.0)
        if not wait_until(lambda: not self._processes(), 5.0):
            for orphan in self._processes():
                orphan.send(signal.SIGKILL)
            wait_until(lambda: not self._processes(), 2.0)
        (self.data_directory / "postmaster.pid").unlink(missing_ok=True)

    @property
    def _mark(self) -> str:
        # PostgreSQL shows its cluster_name in the title of each of its processes.
        return "par-" + hashlib.sha256(str(self.data_directory).encode()).hexdigest()[:16]

    def _processes(self) -> list[ProcessIdentity]:
        return find_programs("postgres", self._mark)

    def _wait_gone(self, identity: ProcessIdentity, seconds: float) -> bool:
        return wait_until(lambda: bool(self._poll_child() or not identity.alive), seconds)

    def _poll_child(self) -> bool:
        return self._child is not None and self._child.poll() is not None

    def _wait_child(self) -> None:
        if self._child is not None and self.process is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(1.0)

    def _settle_port(self) -> None:
        if not self.port or not is_free(HOST, self.port):
            write_private(self.directory / "port", str(free_port(HOST)))

    def _read_status(self) -> _Status | None:
        lines = read_text(self.data_directory / "postmaster.pid").splitlines()
        if not lines or not lines[0].strip().isdigit():
            return None
        return _Status(int(lines[0]), lines[7].strip() if len(lines) > 7 else "")

    def _password(self) -> str:
        return read_text(self.directory / "password").strip()

    def _program(self, name: str) -> Path:
        return find_postgres_binaries(self._override) / name

    def __enter__(self) -> Self:
        self.initialise()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class TemporaryServer(PostgresServer):
    """A server for tests: quick, not durable, and gone with its files at the end of the `with` block."""

    def __init__(self, directory: Path, *, options: Mapping[str, str] | None = None) -> None:
        super().__init__(directory, options=options, durable=False)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(5.0)
        shutil.rmtree(self.directory, ignore_errors=True)


def _tail(path: Path, size: int = 4096) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - size))
            return file.read()
    except OSError:
        return b""


def _last_words(output: bytes) -> str:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "error:", "ERROR"))]
    return (telling or lines or ["it said nothing"])[-1]
