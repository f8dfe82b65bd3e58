"""Workers and API servers as processes of their own, which a test may kill, freeze and read the logs of.

Each has its own process group and dies with the test's process; leaving the `with` block kills what is left.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from agent_runtime.embedded.identity import tied_to_parent
from agent_runtime.embedded.ports import free_port
from tests.support.tasks import TaskBook
from tests.support.waiting import eventually_sync

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0


@dataclass
class Process:
    """One running program with its log."""

    name: str
    popen: subprocess.Popen[bytes]
    log_file: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    @property
    def text(self) -> str:
        """All that it wrote."""
        return self.log_file.read_text(errors="replace")

    def log(self, event: str) -> list[dict[str, Any]]:
        """Its structured log lines of one event."""
        lines = [line for line in self.text.splitlines() if line.startswith("{")]
        return [entry for entry in map(_parsed, lines) if entry.get("event") == event]

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait(10)

    def freeze(self) -> None:
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def terminate(self, seconds: float = 30.0) -> int:
        """SIGTERM, and its exit code."""
        self.popen.terminate()
        return self.popen.wait(seconds)

    def wait_end(self, seconds: float = 30.0) -> int:
        """Its exit code once it ends by itself."""
        return self.popen.wait(seconds)


def _parsed(line: str) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return entry


@dataclass
class Fleet:
    """Starts the processes of one system around one database."""

    url: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    source: Path = ROOT / "src"
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def book(self) -> TaskBook:
        return TaskBook(self.url)

    def worker(
        self, name: str | None = None, *, online: bool = True, module: str = "agent_runtime.worker", **settings: Any
    ) -> Process:
        """A worker process; `settings` are PAR_ settings by their field's name. Returns when it is online."""
        worker_id = name or f"worker-{next(self._numbers)}"
        process = self._start(worker_id, module, {"worker_id": worker_id, **settings})
        if online:
            self.wait_online(process)
        return process

    def workers(self, number: int, **settings: Any) -> list[Process]:
        """Several workers, started at once."""
        started = [self.worker(online=False, **settings) for _ in range(number)]
        for process in started:
            self.wait_online(process)
        return started

    def wait_online(self, process: Process) -> None:
        """Return when the worker's session is there."""
        eventually_sync(
            lambda: process.log("worker_online") or not process.alive,
            f"{process.name} is online",
            seconds=START_SECONDS,
        )
        assert process.alive, f"{process.name} ended at its start: {process.text[-2000:]}"

    def api(self, **settings: Any) -> ApiProcess:
        """An API process; returns when it answers."""
        port = free_port("127.0.0.1")
        process = self._start("api", "agent_runtime.api", {"port": port, "discovery": "off", **settings})
        api = ApiProcess(process.name, process.popen, process.log_file, f"http://127.0.0.1:{port}")
        eventually_sync(
            lambda: not api.alive or api.call("GET", "/v1/health").status == 200,
            "the API answers",
            seconds=START_SECONDS,
        )
        assert api.alive, f"the API ended at its start: {api.text[-2000:]}"
        return api

    def named(self, worker_id: str) -> Process:
        """The process of a worker."""
        return next(process for process in self.processes if process.name == worker_id)

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Log lines of one event from all processes."""
        return [entry for process in self.processes for entry in process.log(event)]

    def close(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self.processes:
            process.popen.wait(10)

    def _start(self, name: str, module: str, settings: dict[str, Any]) -> Process:
        log_file = self.folder / f"{name}.log"
        command = [*tied_to_parent("KILL"), sys.executable, "-m", module]
        with log_file.open("ab") as log:
            popen = subprocess.Popen(
                command, cwd=ROOT, env=self._environment(settings), stdout=log, stderr=log, start_new_session=True
            )
        process = Process(name, popen, log_file)
        self.processes.append(process)
        return process

    def _environment(self, settings: dict[str, Any]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PAR_", "OPENAI_"))}
        ours = {"PAR_ENV_FILE": "", "PAR_DATABASE_URL": self.url, "PAR_DEV_CONTROLS": "on", "PAR_LOG_LEVEL": "info"}
        given = {f"PAR_{name.upper()}": str(value) for name, value in settings.items()}
        if "fault" in settings:
            given["PAR_FAULTS_ALLOWED"] = "1"
        path = {"PYTHONPATH": f"{self.source}:{ROOT}", "PYTHONUNBUFFERED": "1"}
        return {**inherited, **ours, **self.environment, **path, **given}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; status 0 when there was none."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class ApiProcess(Process):
    """The API as a process."""

    base_url: str = ""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request; underscores in header names stand for hyphens."""
        data = None if body is None else json.dumps(body).encode()
        sent = {
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        request = urllib.request.Request(self.base_url + path, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return Answer(answer.status, _body(answer.read()), _lower(answer.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, _body(error.read()), _lower(error.headers))
        except OSError as error:
            return Answer(0, str(error), {})


def _body(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@contextmanager
def fleet(url: str, folder: Path, **environment: str) -> Iterator[Fleet]:
    """A fleet whose processes are killed at the end, whatever happened."""
    ours = Fleet(url, folder, dict(environment))
    try:
        yield ours
    finally:
        ours.close()
