"""The supervisor: brings a system up, starts again what ends, and stops all of it in order."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from types import FrameType

from agent_runtime.config import Settings
from agent_runtime.embedded.files import read_json
from agent_runtime.embedded.layout import Layout
from agent_runtime.embedded.log_files import EventLog, rotate
from agent_runtime.embedded.parts import Parts
from agent_runtime.embedded.ports import require_free
from agent_runtime.embedded.process import ProcessIdentity, identify
from agent_runtime.embedded.programs import Programs
from agent_runtime.embedded.state import RUNNING, STARTING, STOPPING, SystemState, read_state

TICK_SECONDS = 1.0
ROTATE_SECONDS = 5.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
WANTED_SIGNAL = signal.SIGUSR1


class StopAsked(BaseException):
    """Somebody asked to stop while the system was still being brought up."""


class Supervisor:
    """Runs one system in the calling thread, which must be the main one (signals, and processes tied to it).

    The caller holds the lock of the data folder. `supervise()` returns after a clean stop, or raises an error of
    the tree when the system could not be brought up; in both cases nothing is left running.
    """

    def __init__(self, settings: Settings, layout: Layout, workers: int, programs: Programs, log: EventLog) -> None:
        self._settings = settings
        self._layout = layout
        self._workers = workers
        self._log = log
        self._parts = Parts(settings, layout, programs, log)
        self._phase = STARTING
        self._stop_asked = False
        self._rescale = False
        self._rotated = time.monotonic()
        self._identity = identify(os.getpid()) or ProcessIdentity(os.getpid(), 0)

    def supervise(self) -> None:
        """Bring the system up, keep it up until SIGTERM, SIGINT or SIGHUP, then stop it."""
        with self._signals() as wake, contextlib.suppress(StopAsked):
            try:
                self._bring_up()
                while not self._stop_asked:
                    self._step()
                    select.select([wake], [], [], self._pause())
                    _drain(wake)
            finally:
                self._tear_down()

    def _bring_up(self) -> None:
        self._end_remains()
        require_free(self._settings.host, self._settings.port)
        self._publish()
        self._parts.start_database()
        self._leave_if_asked()
        self._parts.start_api()
        self._parts.match_workers(self._workers)
        self._phase = RUNNING
        self._publish()

    def _leave_if_asked(self) -> None:
        if self._stop_asked:
            raise StopAsked

    def _end_remains(self) -> None:
        """End what a predecessor that was killed may have left running."""
        state = read_state(self._layout)
        for part in () if state is None else state.parts:
            if part.name != "database" and part.process.send(signal.SIGKILL):
                part.process.wait_gone(5.0)
        self._layout.state.unlink(missing_ok=True)
        self._layout.wanted.unlink(missing_ok=True)

    def _tear_down(self) -> None:
        self._phase = STOPPING
        if self._parts.all():
            self._publish()
            self._log.write("stopping")
        self._parts.stop()
        self._layout.state.unlink(missing_ok=True)

    def _step(self) -> None:
        if self._rescale:
            self._rescale = False
            self._workers = int(read_json(self._layout.wanted).get("workers", self._workers))
            self._log.write(f"asked for {self._workers} workers")
        changed = self._notice_ends()
        changed = self._parts.match_workers(self._workers) or changed
        if self._parts.start_due() or changed:
            self._publish()
        self._rotate_logs()

    def _notice_ends(self) -> bool:
        said = [words for child in self._parts.all() if (words := child.noticed_end()) is not None]
        for words in said:
            self._log.write(words)
        return bool(said)

    def _rotate_logs(self) -> None:
        if time.monotonic() - self._rotated > ROTATE_SECONDS:
            self._rotated = time.monotonic()
            for file in self._layout.log("supervisor").parent.glob("*.log"):
                rotate(file)

    def _pause(self) -> float:
        now = time.monotonic()
        waits = [each.due - now for each in self._parts.all() if each.wanted and not each.running]
        return max(0.0, min([TICK_SECONDS, *waits]))

    def _publish(self) -> None:
        state = SystemState(
            phase=self._phase,
            supervisor=self._identity,
            api_url=self._settings.api_url,
            database_url=self._parts.database_url,
            parts=tuple(each.state() for each in self._parts.all()),
        )
        try:
            state.write(self._layout.state)
        except OSError as error:
            self._log.write(f"cannot write {self._layout.state}: {error.strerror}", level="error")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[int]:
        """Turn signals into flags and a byte in a pipe, on which the loop sleeps."""
        readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        watched = (*STOP_SIGNALS, WANTED_SIGNAL, signal.SIGCHLD)
        before = [(number, signal.signal(number, self._on_signal)) for number in watched]
        wakeup = signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
        try:
            yield readable
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before:
                signal.signal(number, handler)
            os.close(readable)
            os.close(writable)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop_asked = self._stop_asked or number in STOP_SIGNALS
        self._rescale = self._rescale or number == WANTED_SIGNAL


def _drain(descriptor: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while os.read(descriptor, 4096):
            pass
