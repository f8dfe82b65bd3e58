"""What the keeper watches while a sandbox works: its processes, its disk, its memory where no control group counts it.

Imported by the keeper: standard library alone.
"""

import contextlib
import os
import signal
import stat
import time
from typing import NamedTuple

_PAGE = os.sysconf("SC_PAGE_SIZE")
_DISK_LOOK_SECONDS = 0.5
# A look at a large tree takes its time: most of the keeper's time is still its own.
_DISK_LOOK_SHARE = 10.0


class Process(NamedTuple):
    """One process of a tree, as `/proc` tells it."""

    pid: int
    parent: int
    resident_bytes: int


def tree_of(root: int) -> list[Process]:
    """A process and all below it, the root first; empty when it is gone."""
    below: dict[int, list[Process]] = {}
    found: list[Process] = []
    for name in os.listdir("/proc"):
        if name.isdigit() and (process := _read(name)) is not None:
            below.setdefault(process.parent, []).append(process)
            if process.pid == root:
                found = [process]
    for process in found:
        found.extend(below.get(process.pid, ()))
    return found


def _read(pid: str) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return Process(int(pid), int(fields[1]), int(fields[21]) * _PAGE)
    except (OSError, ValueError, IndexError):
        return None


def send(processes: list[Process], number: int) -> None:
    """A signal to each of them."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def freeze(root: int) -> None:
    """Stop a tree, children of children included; again until none is new, as a running one may have just forked."""
    stopped: set[int] = set()
    for _ in range(20):
        fresh = [process for process in tree_of(root)[1:] if process.pid not in stopped]
        if not fresh:
            return
        send(fresh, signal.SIGSTOP)
        stopped.update(process.pid for process in fresh)


def thaw(root: int) -> None:
    """Let a stopped tree go on."""
    send(tree_of(root)[1:], signal.SIGCONT)


def disk_usage(folder: str) -> int:
    """Bytes that the files below a folder take, links not followed."""
    total = 0
    with contextlib.suppress(OSError):
        for _, directories, files, descriptor in os.fwalk(folder, follow_symlinks=False):
            for name in (*files, *directories):
                with contextlib.suppress(OSError):
                    found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                    if not stat.S_ISDIR(found.st_mode):
                        total += found.st_blocks * 512 // max(1, found.st_nlink)
                    else:
                        total += 4096
    return total


class Watchdog:
    """Looks at one sandbox, whose first process is never ended by a limit."""

    def __init__(self, folders: list[str], disk_bytes: int, memory_bytes: int | None) -> None:
        self.folders = folders
        self.disk_bytes = disk_bytes
        self.memory_bytes = memory_bytes
        self.reached: list[str] = []
        self._used = 0
        self._next_disk_look = 0.0

    def look(self, root: int) -> bool:
        """One look; whether anything runs in it beside its first process (`root` is bubblewrap's own)."""
        tree = tree_of(root)
        commands = tree[2:]
        if self.memory_bytes is not None and sum(process.resident_bytes for process in tree) > self.memory_bytes:
            largest = max(commands, key=lambda process: process.resident_bytes, default=None)
            if largest is not None:
                send([largest], signal.SIGKILL)
                self._note("memory")
        if commands:
            self._look_at_disk(commands)
        return bool(commands)

    def _look_at_disk(self, commands: list[Process]) -> None:
        began = time.monotonic()
        if began < self._next_disk_look:
            return
        used = sum(disk_usage(folder) for folder in self.folders)
        # What tidies up in a full sandbox is left alone.
        if used > self.disk_bytes and used > self._used:
            send(commands, signal.SIGKILL)
            self._note("disk")
        self._used = used
        took = time.monotonic() - began
        self._next_disk_look = began + max(_DISK_LOOK_SECONDS, took * _DISK_LOOK_SHARE)

    def _note(self, what: str) -> None:
        if what not in self.reached:
            self.reached.append(what)
