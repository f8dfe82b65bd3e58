"""The parts of one system, how each is launched, and in which order they stop."""

import secrets
import signal
import subprocess
import time
from collections.abc import Sequence

from agent_runtime.config import Settings
from agent_runtime.embedded.child import Child, launch_tied
from agent_runtime.embedded.database import apply_migrations, embedded_server, verify
from agent_runtime.embedded.layout import Layout
from agent_runtime.embedded.log_files import EventLog
from agent_runtime.embedded.master_key import master_key, require_own_key
from agent_runtime.embedded.operator_key import operator_key, require_access
from agent_runtime.embedded.process import wait_until
from agent_runtime.embedded.programs import Programs

API_STOP_SECONDS = 8.0
WORKER_STOP_MARGIN_SECONDS = 5.0


class Parts:
    """Database, API and workers as supervised processes. Only the main thread may start them."""

    def __init__(self, settings: Settings, layout: Layout, programs: Programs, log: EventLog) -> None:
        self._settings = settings
        self._layout = layout
        self._programs = programs
        self._log = log
        self.server = embedded_server(settings, layout)
        self.database: Child | None = None
        self.api: Child | None = None
        self.workers: list[Child] = []

    @property
    def database_url(self) -> str:
        """The owner's URL."""
        if self._settings.database_url is not None:
            return self._settings.database_url
        return self.server.url if self.server is not None and self.server.initialised else ""

    def all(self) -> list[Child]:
        """Every part, the database first."""
        return [each for each in (self.database, self.api, *self.workers) if each is not None]

    def start_database(self) -> None:
        """Start the embedded server, if there is to be one, and apply the missing migrations."""
        server = self.server
        if server is not None:
            if server.initialise():
                self._log.write(f"made a new database in {server.directory}")
            child = Child("database", server.start, self._layout.log("database"), stop_signal=signal.SIGINT)
            self.database = child
            child.start()
            child.launch = lambda: server.spawn(keep_port=True)
            self._log.write(f"the database accepts connections on port {server.port}")
        if self._programs.migrate:
            verify(self.database_url, embedded=server is not None)
            applied = apply_migrations(self.database_url, self._log.write)
            if applied:
                self._log.write(f"applied {len(applied)} migrations, the last is {applied[-1]}", migrations=applied)
            require_own_key(self._settings, self._layout, self.database_url)

    def start_api(self) -> None:
        """Start the API. Raises StartFailed where others could reach it and nobody has a key."""
        require_access(self._settings, self.database_url)
        self.api = Child("api", self._launch_api, self._layout.log("api"))
        self.start(self.api)

    def match_workers(self, count: int) -> bool:
        """Start or drain workers until as many are wanted; True when something changed."""
        before = list(self.workers)
        self.workers = [each for each in self.workers if each.wanted or each.running]
        wanted = [each for each in self.workers if each.wanted]
        for surplus in wanted[count:]:
            self._log.write(f"{surplus.name} is asked to drain")
            surplus.ask_to_stop()
        for _ in range(len(wanted), count):
            self._add_worker()
        return before != self.workers or len(wanted) > count

    def start_due(self) -> bool:
        """Start what has ended and whose time has come; True when something was started."""
        now = time.monotonic()
        due = [each for each in self.all() if each.wanted and not each.running and each.due <= now]
        for child in due:
            self.start(child)
        return bool(due)

    def start(self, child: Child) -> None:
        """Start one part; a failure is logged and tried again later."""
        try:
            child.start()
        except (OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
            child.failed_to_launch(str(error))
            self._log.write(f"{child.name} could not be started: {error}", level="error")
        else:
            self._log.write(f"{child.name} runs as process {child.identity.pid}", worker_id=child.worker_id)

    def stop(self) -> None:
        """Stop API and workers, which hand their tasks over, then the database. What does not obey is killed."""
        for child in self.all()[::-1]:
            if child is not self.database:
                child.ask_to_stop()
        self._await_end([self.api] if self.api else [], API_STOP_SECONDS)
        self._await_end(self.workers, self._settings.drain_seconds + WORKER_STOP_MARGIN_SECONDS)
        if self.database is not None and self.server is not None:
            self.database.wanted = False
            self.server.stop()
            self._await_end([self.database], 1.0)

    def _await_end(self, children: Sequence[Child], seconds: float) -> None:
        wait_until(lambda: all(each.ended for each in children), seconds)
        for child in children:
            if not child.ended:
                self._log.write(f"{child.name} did not stop in {seconds:.0f} s and is killed", level="warning")
                child.kill()

    def _add_worker(self) -> None:
        taken = {each.name for each in self.workers}
        name = next(name for n in range(1, len(taken) + 2) if (name := f"worker-{n}") not in taken)
        child = Child(name, lambda: self._launch_worker(child), self._layout.log(name), worker_id="")
        self.workers.append(child)
        self.start(child)

    def _launch_api(self) -> subprocess.Popen[bytes]:
        changes = {"operator_key": operator_key(self._settings, self._layout)}
        if not self._settings.on_loopback:
            changes["auth"] = "required"  # a start without any key has been refused before
        return self._launch(self._programs.api, "api", **changes)

    def _launch_worker(self, child: Child) -> subprocess.Popen[bytes]:
        # A new name at each start: the registry must never take a new process for the one that died.
        child.worker_id = f"{child.name}-{secrets.token_hex(4)}"
        return self._launch(self._programs.worker, child.name, worker_id=child.worker_id, worker_processes="1")

    def _launch(self, command: Sequence[str], name: str, **changes: str) -> subprocess.Popen[bytes]:
        for loopback_default in ("dev_controls", "loopback_targets"):
            if f"PAR_{loopback_default.upper()}" not in self._settings.explicit:
                changes[loopback_default] = "on" if self._settings.on_loopback else "off"
        if (key := master_key(self._settings, self._layout)) is not None:
            changes["master_key"] = key
        environment = self._settings.child_environment(
            database_url=self.database_url, data_dir=str(self._layout.root), **changes
        )
        return launch_tied(command, {**environment, "PYTHONUNBUFFERED": "1"}, self._layout.log(name))
