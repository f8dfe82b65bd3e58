"""What the service verbs of `par` do: start, stop, scale and their kin. Errors are of the tree, one line each."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from agent_runtime.config import Settings
from agent_runtime.domain.errors import ConfigurationError, StartFailed
from agent_runtime.embedded.__main__ import EXIT_LOCKED
from agent_runtime.embedded.database import apply_migrations, embedded_server, verify
from agent_runtime.embedded.files import write_private
from agent_runtime.embedded.layout import Layout, layout_of
from agent_runtime.embedded.log_files import EventLog, last_line
from agent_runtime.embedded.master_key import rotate
from agent_runtime.embedded.process import wait_until
from agent_runtime.embedded.programs import Programs
from agent_runtime.embedded.readiness import wait_ready
from agent_runtime.embedded.state import STOPPING, running_state, take_lock
from agent_runtime.embedded.supervisor import WANTED_SIGNAL, Supervisor
from agent_runtime.embedded.system_status import SystemStatus

READY_SECONDS = 90.0
STOP_MARGIN_SECONDS = 40.0
DYING_SECONDS = 0.05
LOCKED_SECONDS = 5.0
# Background processes that this process started: kept until their end has been noticed, so that none stays a zombie.
_background: list[subprocess.Popen[bytes]] = []


def start(settings: Settings, workers: int | None = None, *, programs: Programs | None = None) -> SystemStatus:
    """Start a system in the background; returns once its API is healthy and all its workers are online.

    When one runs already from this data folder, nothing is started and the answer says `already_running`.
    Raises StartFailed or ConfigurationError, and then nothing is left running.
    """
    layout = layout_of(settings)
    layout.prepare()
    running = _already_running(layout, settings)
    if running is not None:
        return running
    daemon, report = _spawn_daemon(settings, layout, _count(settings, workers), programs or Programs())
    try:
        found = wait_ready(layout, lambda: _death(daemon, report, layout), READY_SECONDS)
        return replace(found, already_running=daemon.poll() == EXIT_LOCKED)
    except BaseException:
        _end_daemon(daemon, settings)
        raise
    finally:
        os.close(report)


def up(
    settings: Settings,
    workers: int | None = None,
    *,
    announce: Callable[[SystemStatus], None] = lambda status: None,
    watch: Callable[[str], None] | None = None,
    programs: Programs | None = None,
) -> None:
    """Run a system in the foreground until Ctrl-C; `announce` is called once when all of it is ready.

    `watch` gets each line of the supervisor. Raises StartFailed, also when this data folder's system runs already.
    """
    layout = layout_of(settings)
    layout.prepare()
    lock = take_lock(layout)
    if lock is None:
        state = running_state(layout)
        where = f" at {state.api_url}" if state is not None else ""
        raise StartFailed(f"a system already runs from {layout.root}{where}: stop it first with `par stop`")
    with lock:
        log = EventLog(layout.log("supervisor"), watch)
        supervisor = Supervisor(settings, layout, _count(settings, workers), programs or Programs(), log)
        threading.Thread(target=_announce_ready, args=(layout, announce, log), daemon=True).start()
        supervisor.supervise()


def stop(settings: Settings) -> bool:
    """Stop the system of this data folder; workers hand their tasks over first. False when none ran."""
    layout = layout_of(settings)
    state = running_state(layout)
    if state is None:
        _forget_ended()
        return False
    state.supervisor.send(signal.SIGTERM)
    if not state.supervisor.wait_gone(settings.drain_seconds + STOP_MARGIN_SECONDS):
        raise StartFailed(f"process {state.supervisor.pid} did not stop: see {layout.log('supervisor')}")
    _forget_ended()
    return True


def restart(settings: Settings, workers: int | None = None, *, programs: Programs | None = None) -> SystemStatus:
    """Stop, then start."""
    stop(settings)
    return start(settings, workers, programs=programs)


def scale(settings: Settings, workers: int) -> SystemStatus:
    """Change the number of workers of a running system; returns when exactly that many live and are online."""
    layout = layout_of(settings)
    state = running_state(layout)
    if state is None:
        raise StartFailed(f"no system runs from {layout.root}: start one with `par start`")
    count = _count(settings, workers)
    write_private(layout.wanted, f'{{"workers": {count}}}')
    state.supervisor.send(WANTED_SIGNAL)
    supervisor = state.supervisor

    def failure() -> str | None:
        return None if supervisor.alive else f"the supervisor ended: {last_line(layout.log('supervisor'))}"

    return wait_ready(layout, failure, READY_SECONDS + settings.drain_seconds, workers=count)


def migrate(settings: Settings, tell: Callable[[str], object] = lambda _: None) -> list[str]:
    """Apply the missing migrations to the system's database, which is started for that if it does not run.

    `tell` gets a line about each wait.
    """
    layout = layout_of(settings)
    layout.prepare()
    state = running_state(layout)
    server = embedded_server(settings, layout)
    if settings.database_url is not None or state is not None:
        url = settings.database_url or (state.database_url if state is not None else "")
        verify(url, embedded=server is not None)
        return apply_migrations(url, tell)
    if server is None:
        return []
    with _exclusive(layout), server:
        verify(server.url, embedded=True)
        return apply_migrations(server.url, tell)


def rotate_master_key(settings: Settings) -> int:
    """Seal every secret of the system's database with a new master key; gives how many there were.

    Raises StartFailed while the system runs, since its processes know the old key only, and ConfigurationError or
    SecretUnreadable for a key that does not open what is there.
    """
    layout = layout_of(settings)
    layout.prepare()
    if running_state(layout) is not None:
        raise StartFailed(f"a system runs from {layout.root}: stop it first with `par stop`")
    if settings.database_url is not None:
        if settings.master_key is None:
            raise ConfigurationError("PAR_MASTER_KEY", "must hold the new key and, after a comma, the one until now")
        return rotate(settings, layout, settings.database_url)
    server = embedded_server(settings, layout)
    if server is None:
        return 0
    with _exclusive(layout), server:
        apply_migrations(server.url)
        return rotate(settings, layout, server.url)


def reset(settings: Settings) -> list[str]:
    """Delete the embedded database with all its data and build it anew; gives the migrations that were applied.

    Raises StartFailed while the system runs, and for a database that is not ours to delete.
    """
    layout = layout_of(settings)
    if settings.database_url is not None:
        raise StartFailed("PAR_DATABASE_URL is set: only an embedded database can be reset, drop that one yourself")
    if running_state(layout) is not None:
        raise StartFailed(f"a system runs from {layout.root}: stop it first with `par stop`")
    layout.prepare()
    server = embedded_server(settings, layout)
    with _exclusive(layout):
        if server is not None:
            server.clear_remains()
        shutil.rmtree(layout.database, ignore_errors=True)
    return migrate(settings)


def _already_running(layout: Layout, settings: Settings) -> SystemStatus | None:
    """The status of the system that runs here, once it is whole; one that is about to end is waited for."""
    state = running_state(layout)
    if state is not None and state.phase == STOPPING:
        state.supervisor.wait_gone(settings.drain_seconds + STOP_MARGIN_SECONDS)
    # A supervisor that was killed a moment ago may look alive for an instant.
    if state is None or state.supervisor.wait_gone(DYING_SECONDS):
        return None
    ended = f"the system in {layout.root} ended while it was being started: see {layout.log('supervisor')}"
    whole = wait_ready(layout, lambda: None if running_state(layout) else ended, READY_SECONDS)
    return replace(whole, already_running=True)


def _count(settings: Settings, workers: int | None) -> int:
    count = settings.workers if workers is None else workers
    if not 0 <= count <= 256:
        raise ConfigurationError("workers", f"must be between 0 and 256, not {count}")
    return count


@contextlib.contextmanager
def _exclusive(layout: Layout) -> Iterator[None]:
    lock = take_lock(layout)
    if lock is None:
        raise StartFailed(f"another command is at work in {layout.root}: try again when it is done")
    with lock:
        yield


def _spawn_daemon(
    settings: Settings, layout: Layout, workers: int, programs: Programs
) -> tuple[subprocess.Popen[bytes], int]:
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    command = [sys.executable, "-m", "agent_runtime.embedded", "--workers", str(workers)]
    command += ["--programs", programs.as_json(), "--report-descriptor", str(writable)]
    with layout.log("supervisor").open("ab") as log:
        daemon = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writable,),
            env=settings.child_environment(data_dir=str(layout.root)),
            start_new_session=True,
        )
    os.close(writable)
    _background.append(daemon)
    return daemon, readable


def _forget_ended() -> None:
    _background[:] = [each for each in _background if each.poll() is None]


def _death(daemon: subprocess.Popen[bytes], report: int, layout: Layout) -> str | None:
    """Why the background process ended, or None while it lives."""
    code = daemon.poll()
    if code is None:
        return None
    if code == EXIT_LOCKED:
        # Somebody else starts this system at the same moment: what he brings up is waited for.
        found = wait_until(lambda: running_state(layout) is not None, LOCKED_SECONDS)
        return None if found else f"another command is at work in {layout.root}: try again when it is done"
    with contextlib.suppress(BlockingIOError):
        said = os.read(report, 65536).decode(errors="replace").strip()
        if said:
            return said
    return f"the supervisor ended with code {code}: {last_line(layout.log('supervisor'))}"


def _end_daemon(daemon: subprocess.Popen[bytes], settings: Settings) -> None:
    if daemon.poll() is None:
        daemon.terminate()
        try:
            daemon.wait(settings.drain_seconds + STOP_MARGIN_SECONDS)
        except subprocess.TimeoutExpired:
            daemon.kill()


def _announce_ready(layout: Layout, announce: Callable[[SystemStatus], None], log: EventLog) -> None:
    try:
        announce(wait_ready(layout, lambda: None, READY_SECONDS))
    except StartFailed as error:
        log.write(str(error), level="error")
