"""The keeper of one local sandbox: a process of its own that outlives the worker, holds the limits and the only door.

Its standard input is a socket to the process that started it. It reads its orders there (a line of JSON), starts
bubblewrap under a user that owns nothing, says `ready`, and waits for a second line: whose sandbox this is. Until then
it is a spare, and ends when the other side does. From then on it waits at a socket in the sandbox's folder. A
connection begins with nine bytes, whom it is for and the task's attempt: one for `inside.py` is handed on, one for the
keeper is answered here. It ends, with the sandbox and its folder, when asked, when nobody came for its time, and when
its folder is gone. Standard library alone.
"""

import binascii
import contextlib
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from typing import Any

from agent_runtime.sandboxes import bubblewrap, control_group, watchdog

HEADER = struct.Struct(">cq")
FOR_INSIDE, FOR_KEEPER = b"i", b"k"
SOCKET = "door"
# A file that names the host whose keeper serves the folder.
HOST = "host"
_TICK_SECONDS = 0.05
_IDLE_TICK_SECONDS = 1.0
_PATIENCE_SECONDS = 2.0
_START_SECONDS = 15.0
# Threads of the first process inside count as processes, too.
_OWN_PROCESSES = 64
_LONGEST_PAUSE_SECONDS = 30 * 86_400.0


class Keeper:
    """One sandbox from its start to its end."""

    def __init__(self, orders: dict[str, Any], starter: socket.socket) -> None:
        self._orders = orders
        self._starter = starter
        self._folder: str = orders["folder"]
        self._seconds: float = orders["seconds"]
        self._attempt = 0
        self._group = _group_of(orders) if orders["control_group"] else None
        self._watchdog = watchdog.Watchdog(
            self._work(), orders["disk_bytes"], None if self._group is not None else orders["memory_bytes"]
        )
        self._killed_for_memory = 0
        self._paused = False
        self._until = time.monotonic() + self._seconds
        self._door = self._open_door()
        self._channel, self._inside_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._pid = 0

    def run(self) -> None:
        """Start the sandbox and serve until its end."""
        try:
            self._pid = self._start()
            if self._is_taken():
                self._serve()
        finally:
            self._end()

    def _work(self) -> list[str]:
        """The folders that commands may write to."""
        return [os.path.join(self._folder, name) for name in ("home", "tmp")]

    def _open_door(self) -> socket.socket:
        """The socket's path may be longer than a socket's name may be, so that it goes by its folder's descriptor."""
        door = socket.socket(socket.AF_UNIX)
        folder = os.open(self._folder, os.O_DIRECTORY)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._folder, SOCKET))
        door.bind(f"/proc/self/fd/{folder}/{SOCKET}")
        os.close(folder)
        door.listen(128)
        return door

    # Its start

    def _start(self) -> int:
        user = self._orders["user"]
        sources = self._sources()
        if user is not None:
            for name in ("home", "tmp"):
                os.chown(os.path.join(self._folder, name), user, user)
            sources = _staged(sources, self._folder)
        filters = binascii.a2b_base64(self._orders["filters"][str(self._group is not None).lower()])
        places = {**bubblewrap.ETC_FILES, "/run/inside.py": self._orders["inside"]}
        data = {place: _readable(text.encode()) for place, text in places.items()}
        arguments = bubblewrap.arguments(sources, data, _readable(filters), self._orders["python"])
        heard, ready = os.pipe()
        arguments += [self._orders["python"], "-I", "-S", "/run/inside.py"]
        arguments += [str(self._inside_end.fileno()), str(ready), str(self._orders["processes"])]
        for descriptor in (self._inside_end.fileno(), ready):
            os.set_inheritable(descriptor, True)
        program = os.open(self._orders["program"], os.O_PATH)
        pid = os.fork()
        if pid == 0:
            self._become(program, arguments, user)
        for descriptor in (ready, program, *data.values()):
            os.close(descriptor)
        self._inside_end.close()
        _await_ready(heard, pid)
        return pid

    def _is_taken(self) -> bool:
        """Whether the one who started this has given it to a task; False when that one is gone."""
        with self._starter, contextlib.suppress(OSError):
            self._starter.sendall(b"ready\n")
            while self._starter not in (
                heard := select.select([self._starter, self._door], [], [], _IDLE_TICK_SECONDS)[0]
            ):
                if heard:
                    # A sweep looks whether somebody listens; callers left waiting would fill the door's queue.
                    self._door.accept()[0].close()
                if not self._alive():
                    return False
            line = _line(self._starter)
            if not line:
                return False
            owner = json.loads(line)
            os.rename(self._folder, owner["folder"])
            self._folder, self._attempt = owner["folder"], owner["attempt"]
            self._watchdog.folders = self._work()
            self._touch()
            self._starter.sendall(b"taken\n")
            return True
        return False

    def _sources(self) -> dict[str, str]:
        sources = {
            bubblewrap.HOME: os.path.join(self._folder, "home"),
            "/tmp": os.path.join(self._folder, "tmp"),  # noqa: S108 - a place inside
        }
        own = self._orders["python_folder"]
        return sources if own is None else {**sources, own: own}

    def _become(self, program: int, arguments: list[str], user: int | None) -> None:
        """In the child: take on the limits and the user, then be bubblewrap with nothing in its environment."""
        try:
            if self._group is not None:
                self._group.join()
            os.sched_setaffinity(0, _processors(self._orders["vcpu"]))
            disk = self._orders["disk_bytes"]
            resource.setrlimit(resource.RLIMIT_FSIZE, (disk, disk))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 4096))
            if user is not None:
                os.setgroups([])
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
            os.execve(program, arguments, {})
        except BaseException as error:  # noqa: BLE001 - the child must never go on as a second keeper
            os.write(2, f"cannot start bubblewrap: {error}\n".encode())
        os._exit(127)

    # Its service

    def _serve(self) -> None:
        busy = True
        while self._alive() and time.monotonic() < self._until:
            readable, _, _ = select.select([self._door], [], [], _TICK_SECONDS if busy else _IDLE_TICK_SECONDS)
            if readable:
                self._let_in()
            busy = not self._paused and (self._watchdog.look(self._pid) or bool(readable))

    def _alive(self) -> bool:
        if self._pid and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = 0
        return bool(self._pid) and os.path.exists(os.path.join(self._folder, SOCKET))

    def _let_in(self) -> None:
        connection, _ = self._door.accept()
        with connection, contextlib.suppress(OSError, ValueError, KeyError, struct.error):
            connection.settimeout(_PATIENCE_SECONDS)
            whom, attempt = HEADER.unpack(connection.recv(HEADER.size, socket.MSG_WAITALL))
            if attempt < self._attempt:
                _refuse(connection, "superseded", "a later attempt of the task uses this sandbox")
                return
            self._attempt = attempt
            self._touch()
            if whom == FOR_KEEPER:
                order = json.loads(connection.makefile("rb").readline(4096))["do"]
                _say(connection, self._obey(order))
            elif self._paused:
                _refuse(connection, "failed", "the sandbox is paused")
            else:
                connection.settimeout(None)
                socket.send_fds(self._channel, [b"c"], [connection.fileno()])

    def _touch(self) -> None:
        self._until = time.monotonic() + (_LONGEST_PAUSE_SECONDS if self._paused else self._seconds)

    def _obey(self, order: str) -> dict[str, Any]:
        if order == "pause" and not self._paused:
            self._paused = True
            watchdog.freeze(self._pid)
        elif order == "resume" and self._paused:
            watchdog.thaw(self._pid)
            self._paused = False
        elif order == "destroy":
            self._end()
        self._touch()
        return {"paused": self._paused, "reached": self._reached(), "counted_by_kernel": self._group is not None}

    def _reached(self) -> list[str]:
        """The limits that ended a process since this was last asked."""
        reached, self._watchdog.reached = self._watchdog.reached, []
        if self._group is not None:
            before, self._killed_for_memory = self._killed_for_memory, self._group.killed_for_memory()
            reached += ["memory"] if self._killed_for_memory > before else []
        return reached

    # Its end

    def _end(self) -> None:
        """All processes, then the control group, then the folder. May be called again."""
        if self._pid:
            # The first process inside is the root of its processes: with it the kernel ends all of them.
            watchdog.send(watchdog.tree_of(self._pid), signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._pid, 0)
            self._pid = 0
        if self._group is not None:
            self._group.remove()
            self._group = None
        remove_folder(self._folder)


def remove_folder(folder: str) -> None:
    """Remove a sandbox's folder, however it has been left."""
    import shutil

    shutil.rmtree(folder, onerror=_open_and_retry)


def _group_of(orders: dict[str, Any]) -> control_group.ControlGroup | None:
    name = os.path.basename(orders["folder"])
    processes = orders["processes"] + _OWN_PROCESSES
    return control_group.make(name, memory_bytes=orders["memory_bytes"], processes=processes)


def _staged(sources: dict[str, str], folder: str) -> dict[str, str]:
    """The same folders at places that every user may reach, in mounts of this process's own.

    The data folder and this Python may lie where only root may look.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: Any) -> None:
        if getattr(libc, name)(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{name}: {os.strerror(number)} (a sandbox of root needs CAP_SYS_ADMIN)")

    new_mounts, recursive_private, bind = 0x20000, 0x4000 | 0x40000, 0x1000 | 0x4000
    call("unshare", new_mounts)
    call("mount", b"none", b"/", None, recursive_private, None)
    # Opened before their way may be covered.
    opened = {place: os.open(source, os.O_PATH | os.O_DIRECTORY) for place, source in sources.items()}
    stage = _stage(folder)
    call("mount", b"tmpfs", stage.encode(), b"tmpfs", 0, b"mode=0755,size=64k")
    staged = {}
    for number, (place, descriptor) in enumerate(opened.items()):
        staged[place] = os.path.join(stage, str(number))
        os.mkdir(staged[place])
        call("mount", f"/proc/self/fd/{descriptor}".encode(), staged[place].encode(), None, bind, None)
        os.close(descriptor)
    return staged


def _await_ready(heard: int, pid: int) -> None:
    """Wait for the first process inside. Bubblewrap holds the pipe, too, so that its end says nothing."""
    deadline = time.monotonic() + _START_SECONDS
    while not select.select([heard], [], [], 0.1)[0]:
        if os.waitpid(pid, os.WNOHANG)[0]:
            raise OSError(0, "bubblewrap ended at once")
        if time.monotonic() > deadline:
            raise OSError(0, "nothing inside answered")
    if not os.read(heard, 5):
        raise OSError(0, "bubblewrap ended before anything inside ran")
    os.close(heard)


def _stage(folder: str) -> str:
    """A folder to mount on, which must not cover the sandbox's own."""
    for name in ("/mnt", "/media", "/srv", "/run", "/opt"):
        if os.path.isdir(name) and not folder.startswith(f"{name}/"):
            return name
    raise OSError(0, "there is no folder to mount on: one of /mnt, /media, /srv, /run, /opt is needed")


def _readable(content: bytes) -> int:
    descriptor = os.memfd_create("par", 0)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.set_inheritable(descriptor, True)
    return descriptor


def _processors(wanted: int) -> set[int]:
    """As many of the processors as the sandbox may use, spread over all of them by chance."""
    free = sorted(os.sched_getaffinity(0))
    first = os.getpid() % len(free)
    return {free[(first + step) % len(free)] for step in range(min(wanted, len(free)))}


def _refuse(connection: socket.socket, kind: str, message: str) -> None:
    """Answer, and take in what the other side is still sending: closed over it, the answer would be lost."""
    _say(connection, {"error": kind, "message": message})
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65_536):
        pass


def _say(connection: socket.socket, answer: dict[str, Any]) -> None:
    connection.sendall(json.dumps(answer).encode() + b"\n")


def _open_and_retry(_function: Any, path: str, _error: Any) -> None:
    """A folder that the sandbox has closed to its own user is opened and removed."""
    import shutil

    with contextlib.suppress(OSError):
        os.chmod(os.path.dirname(path), 0o700)
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, 0o700)
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)


def _line(connection: socket.socket) -> bytes:
    """The next line of one who waits for an answer to it; empty when that one is gone."""
    with connection.makefile("rb") as lines:
        return lines.readline()


def main() -> None:
    """Read the orders and keep the sandbox."""
    if os.fork():
        # Nobody's child: whoever started it need not wait for its end.
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    starter = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    orders = json.loads(_line(starter))
    os.chdir("/")
    os.umask(0o077)
    Keeper(orders, starter).run()


if __name__ == "__main__":
    main()
