"""One supervised process: start it, notice its end, decide when it is started again."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent_runtime.embedded.identity import tied_to_parent
from agent_runtime.embedded.log_files import last_line
from agent_runtime.embedded.process import ProcessIdentity, identify
from agent_runtime.embedded.state import ProcessState

QUICK_SECONDS = 5.0
NEVER_STARTED = ProcessIdentity(0, 0)
# A part that is killed now and then is back at once; one that cannot live is not started hundreds of times a minute.
WAITS = (0.0, 0.0, 0.1, 0.2, 0.5, 1.0, 1.5, 1.5, 1.5, 1.5, 5.0, 10.0)


@dataclass
class Child:
    """A part of the system. `launch` starts its process in the calling thread, which must be the main one.

    The kernel ends a process that was tied to its parent when the *thread* that started it ends (prctl(2)).
    """

    name: str
    launch: Callable[[], subprocess.Popen[bytes]]
    log_file: Path
    stop_signal: signal.Signals = signal.SIGTERM
    worker_id: str | None = None
    wanted: bool = True
    popen: subprocess.Popen[bytes] | None = None
    identity: ProcessIdentity = NEVER_STARTED
    quick_ends: int = 0
    due: float = 0.0
    last_words: str = ""
    _born: float = field(default=0.0, repr=False)

    @property
    def running(self) -> bool:
        """Whether its process has not ended (and been noticed)."""
        return self.popen is not None

    @property
    def ended(self) -> bool:
        """Whether no process of it runs at this moment."""
        return self.popen is None or self.popen.poll() is not None

    def start(self) -> None:
        """Start the process now."""
        self._born = time.monotonic()
        self.popen = self.launch()
        self.identity = identify(self.popen.pid) or NEVER_STARTED

    def noticed_end(self) -> str | None:
        """When the process has ended: forget it, plan the next start, and say it in one line. None otherwise."""
        if self.popen is None or self.popen.poll() is None:
            return None
        how, age = _how(self.popen.returncode), time.monotonic() - self._born
        self.popen = None
        self.last_words = last_line(self.log_file)
        self.quick_ends = self.quick_ends + 1 if age < QUICK_SECONDS else 0
        return f"{self.name} {how} after {age:.1f} s{self._plan()}"

    def _plan(self) -> str:
        if not self.wanted:
            return ""
        wait = WAITS[min(self.quick_ends, len(WAITS) - 1)]
        self.due = time.monotonic() + wait
        if self.quick_ends < 2:
            return ", starting it again"
        return f" ({self.quick_ends} times in a row), again in {wait:g} s; its last line: {self.last_words}"

    def failed_to_launch(self, reason: str) -> None:
        """Treat a launch that raised like a quick end."""
        self.quick_ends += 1
        self.last_words = reason
        self.due = time.monotonic() + WAITS[min(self.quick_ends + 1, len(WAITS) - 1)]

    def ask_to_stop(self) -> None:
        """Send its stop signal and do not start it again."""
        self.wanted = False
        if self.popen is not None:
            self.popen.send_signal(self.stop_signal)

    def kill(self) -> None:
        """End it at once."""
        if self.popen is not None:
            self.popen.kill()
            self.popen.wait()

    def state(self) -> ProcessState:
        """Its line in the system's state, with its last process while none runs."""
        return ProcessState(self.name, self.identity, self.worker_id, self.quick_ends, self.last_words)


def launch_tied(command: Sequence[str], environment: Mapping[str, str], log_file: Path) -> subprocess.Popen[bytes]:
    """Start a program that writes to its log; it is killed when the supervisor dies, so that nothing runs alone."""
    with log_file.open("ab") as log:
        return subprocess.Popen(
            [*tied_to_parent("KILL"), *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(environment),
            start_new_session=True,
        )


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
