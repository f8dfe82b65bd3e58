"""The first process of a local sandbox: runs commands and touches files for whoever the keeper lets in.

It runs within the sandbox's walls and limits, so that a path or a link can lead nowhere else. Its source is handed in
by the keeper; it imports the standard library alone. A connection carries one request, a line of JSON (`do`, `attempt`,
arguments in `with`), and one answer, a line of JSON, each followed by as many raw bytes as its `size` says.
"""

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

HOME = "/home/user"
PIECE = 65_536
LONGEST_LINE = 262_144
# Each command starts with its own limit of processes and as the first to be killed when memory runs out.
PRELUDE = 'ulimit -u "$1"; echo 1000 > /proc/self/oom_score_adj; exec /bin/bash -c "$2"'
GRACE_SECONDS = 0.1


class Capped:
    """The beginning and the end of an output, however long it is."""

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def feed(self, data: bytes) -> None:
        """Take more of it."""
        self.total += len(data)
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail += data[-self._half :]
            if len(self._tail) > 2 * self._half:
                del self._tail[: -self._half]

    def shown(self) -> dict[str, Any]:
        """Head, tail and how many bytes there were in all."""
        tail = self._tail[-self._half :]
        return {
            "head": self._head.decode("utf-8", "replace"),
            "tail": tail.decode("utf-8", "replace"),
            "left_out": self.total - len(self._head) - len(tail),
        }


class Command:
    """One command under way; all its processes have its pid as their session."""

    def __init__(self, process: "subprocess.Popen[bytes]", limit: int) -> None:
        self.process = process
        self.out = Capped(limit)
        self.err = Capped(limit)
        self.ended = threading.Event()
        self.status = 0

    def end(self, status: int) -> None:
        """Called by the reaper, with what `waitpid` gave."""
        self.status = os.waitstatus_to_exitcode(status)
        # Popen must not wait for a process that the reaper has waited for.
        self.process.returncode = self.status
        self.ended.set()

    def kill(self) -> None:
        """End every process of its session."""
        for pid in os.listdir("/proc"):
            if pid.isdigit() and _session_of(pid) == self.process.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)

    def collect(self, *, stop: Callable[[], bool], client: socket.socket | None) -> str | None:
        """Read its output until it ended; None, or why it was stopped: `timeout` or `gone` (nobody waits for it)."""
        with selectors.DefaultSelector() as selector:
            pidfd = _pidfd(self.process.pid)
            if pidfd is not None:
                selector.register(pidfd, selectors.EVENT_READ, "ended")
            if client is not None:
                selector.register(client, selectors.EVENT_READ, "client")
            for stream, capped in ((self.process.stdout, self.out), (self.process.stderr, self.err)):
                if stream is not None:
                    os.set_blocking(stream.fileno(), False)
                    selector.register(stream, selectors.EVENT_READ, capped)
            try:
                return self._read_on(selector, stop)
            finally:
                if pidfd is not None:
                    os.close(pidfd)

    def _read_on(self, selector: selectors.BaseSelector, stop: Callable[[], bool]) -> str | None:
        last_words: float | None = None
        while last_words is None or time.monotonic() < last_words:
            for key, _ in selector.select(0.05 if last_words is None else 0.01):
                if key.data == "client":
                    return "gone"
                if key.data == "ended":
                    # The reaper sees it at the same time: without this the next look would come first.
                    self.ended.wait(1.0)
                if key.data == "ended" or not _feed(key.fd, key.data):
                    selector.unregister(key.fileobj)
            if last_words is None and self.ended.is_set():
                # A child that it left behind may hold its output open for ever.
                last_words = time.monotonic() + GRACE_SECONDS
            if last_words is not None and not any(isinstance(k.data, Capped) for k in selector.get_map().values()):
                break
            if stop() and last_words is None:
                return "timeout"
        return None

    def close(self) -> None:
        """Let go of its output."""
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


class Processes:
    """All children, waited for in one place: as process 1 this one inherits every orphan."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._commands: dict[int, Command] = {}
        self._some = threading.Event()
        self.background: dict[str, Command] = {}

    def start(self, command: str, cwd: str, output_bytes: int) -> Command:
        """Start `bash -c command` in a session of its own."""
        with self._lock:
            process = subprocess.Popen(
                ["/bin/bash", "-c", PRELUDE, "sandbox", str(self._limit), command],
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            made = Command(process, output_bytes)
            self._commands[process.pid] = made
        self._some.set()
        return made

    def of(self, process_id: str) -> Command:
        """A command in the background."""
        if process_id not in self.background:
            raise ValueError(f"there is no process {process_id!r} in this sandbox")
        return self.background[process_id]

    def reap(self) -> None:
        """For ever: wait for whatever ends."""
        while True:
            try:
                pid, status = os.waitpid(-1, 0)
            except ChildProcessError:
                self._some.wait()
                self._some.clear()
                continue
            with self._lock:
                command = self._commands.pop(pid, None)
            if command is not None:
                command.end(status)


class Server:
    """Serves one request per connection, each in a thread."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._attempt = 0

    def serve(self, connection: socket.socket) -> None:
        """Answer one request; what goes wrong is an answer, too."""
        with connection, connection.makefile("rb") as lines:
            try:
                request = json.loads(lines.readline(LONGEST_LINE))
                self._fence(int(request["attempt"]))
                handler: Callable[..., None] = getattr(self, "do_" + str(request["do"]))
                handler(connection, lines, **request.get("with", {}))
            except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
                reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
                with contextlib.suppress(OSError):
                    _answer(connection, {"error": _KINDS.get(type(error), "failed"), "message": reason})

    def _fence(self, attempt: int) -> None:
        if attempt < self._attempt:
            raise Superseded(f"attempt {self._attempt} of the task uses this sandbox, not {attempt}")
        self._attempt = attempt

    def do_ping(self, connection: socket.socket, _lines: Any) -> None:
        """Whether it lives."""
        _answer(connection, {"alive": True})

    def do_exec(self, connection: socket.socket, _lines: Any, command: str, seconds: float, output: int) -> None:
        """Run a command to its end; it is killed when its time is up, or when nobody waits for it any more."""
        running = self._processes.start(command, _working_directory(), output)
        deadline = time.monotonic() + seconds
        stopped = running.collect(stop=lambda: time.monotonic() > deadline, client=connection)
        if stopped is not None:
            running.kill()
        running.ended.wait(5.0)
        running.close()
        if stopped != "gone":
            answer = {"exit_code": running.status, "timed_out": stopped == "timeout"}
            _answer(connection, answer | {"stdout": running.out.shown(), "stderr": running.err.shown()})

    def do_start(self, connection: socket.socket, _lines: Any, process_id: str, command: str, output: int) -> None:
        """Start a command in the background, once per id."""
        if process_id not in self._processes.background:
            running = self._processes.start(command, _working_directory(), output)
            self._processes.background[process_id] = running
            follow = {"stop": lambda: False, "client": None}
            threading.Thread(target=running.collect, kwargs=follow, daemon=True).start()
        _answer(connection, {"process_id": process_id})

    def do_process(self, connection: socket.socket, _lines: Any, process_id: str) -> None:
        """What a command in the background has said, and whether it still runs."""
        running = self._processes.of(process_id)
        ended = running.ended.is_set()
        answer = {"running": not ended, "exit_code": running.status if ended else None}
        _answer(connection, answer | {"stdout": running.out.shown(), "stderr": running.err.shown()})

    def do_kill(self, connection: socket.socket, _lines: Any, process_id: str) -> None:
        """End a command in the background."""
        running = self._processes.of(process_id)
        killed = not running.ended.is_set()
        running.kill()
        running.ended.wait(5.0)
        _answer(connection, {"killed": killed})

    def do_read(self, connection: socket.socket, _lines: Any, path: str, offset: int, size: int) -> None:
        """A part of a file; size -1 is all of it."""
        descriptor = os.open(_place(path), os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            whole = _size_of(file.fileno())
            left = max(0, whole - offset) if size < 0 else max(0, min(size, whole - offset))
            file.seek(offset)
            _answer(connection, {"file_size": whole, "size": left})
            while left and (data := file.read(min(PIECE, left))):
                connection.sendall(data)
                left -= len(data)

    def do_write(self, connection: socket.socket, lines: Any, path: str, size: int) -> None:
        """A whole file, in place of what was there; it appears when all of it is there."""
        place = os.path.realpath(_place(path))
        if os.path.isdir(place):
            raise IsADirectoryError(f"{path} is a directory")
        os.makedirs(os.path.dirname(place), exist_ok=True)
        mode = os.stat(place).st_mode & 0o777 if os.path.exists(place) else 0o644
        partial = f"{place}.{os.urandom(4).hex()}.part"
        try:
            with open(partial, "wb") as file:
                _copy(lines, file, size)
            os.chmod(partial, mode)
            os.replace(partial, place)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(partial)
            raise
        _answer(connection, {"written": size})


class Superseded(ValueError):
    """A later attempt of the task has taken over."""


_KINDS: dict[type, str] = {
    IsADirectoryError: "is_directory",
    FileNotFoundError: "not_found",
    Superseded: "superseded",
}


def _place(path: str) -> str:
    return os.path.join(HOME, path)


def _working_directory() -> str:
    return HOME if os.path.isdir(HOME) else "/"


def _size_of(descriptor: int) -> int:
    found = os.fstat(descriptor)
    kind = found.st_mode & 0o170000
    if kind == 0o040000:
        raise IsADirectoryError("it is a directory")
    if kind != 0o100000:
        raise OSError(0, "it is no regular file")
    return found.st_size


def _copy(source: Any, target: Any, size: int) -> None:
    while size:
        data = source.read(min(PIECE, size))
        if not data:
            raise OSError(0, "the connection ended in the middle of the file")
        target.write(data)
        size -= len(data)


def _feed(descriptor: int, capped: Capped) -> bool:
    try:
        data = os.read(descriptor, PIECE)
    except BlockingIOError:
        return True
    except OSError:
        return False
    capped.feed(data)
    return bool(data)


def _answer(connection: socket.socket, answer: dict[str, Any]) -> None:
    connection.sendall(json.dumps(answer).encode() + b"\n")


def _session_of(pid: str) -> int | None:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[3])
    except (OSError, ValueError, IndexError):
        return None


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _hide_memory() -> None:
    """Keep the sandbox's other processes, which have the same user, out of this one's memory."""
    import ctypes

    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)


def main() -> None:
    """`inside.py CHANNEL READY PROCESSES`: descriptors of the keeper's channel and of where to report, and a limit."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    ready, limit = int(sys.argv[2]), int(sys.argv[3])
    for descriptor in (channel.fileno(), ready):
        os.set_inheritable(descriptor, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _hide_memory()
    processes = Processes(limit)
    server = Server(processes)
    threading.Thread(target=processes.reap, daemon=True).start()
    os.write(ready, b"ready")
    os.close(ready)
    while True:
        _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
        if not descriptors:
            os._exit(0)
        connection = socket.socket(fileno=descriptors[0])
        threading.Thread(target=server.serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
