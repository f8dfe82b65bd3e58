"""A control group of one sandbox, where this user may make one: memory and processes are then held by the kernel.

Imported by the keeper: standard library alone.
"""

import contextlib
import os
import signal
import time

ROOT = "/sys/fs/cgroup"
_PREFIX = "par-sandbox-"
# A keeper puts its sandbox into a new group at once: one that is empty for this long has no keeper.
_EMPTY_SECONDS = 60.0


class ControlGroup:
    """The folders of one group: one under version 2, one per controller under version 1."""

    def __init__(self, folders: list[str]) -> None:
        self.folders = folders

    def join(self) -> None:
        """Put the calling process into it."""
        for folder in self.folders:
            _write(f"{folder}/cgroup.procs", "0")

    def killed_for_memory(self) -> int:
        """How many processes the kernel has ended for want of memory."""
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                for line in _read(f"{self.folders[0]}/{name}").splitlines():
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        return 0

    def remove(self) -> None:
        """Remove it; its last members may take a moment to be gone."""
        for folder in self.folders:
            for _ in range(50):
                try:
                    os.rmdir(folder)
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    for pid in _members(folder):
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                    time.sleep(0.02)


def make(name: str, *, memory_bytes: int, processes: int, root: str = ROOT) -> ControlGroup | None:
    """A group with these limits, or None where none can be made. Without memory there is no group."""
    if _is_version_2(root):
        return _version_2(root, name, memory_bytes, processes)
    memory = _folder(_places(root, "memory"), name)
    if memory is None or not _set(memory, {"memory.limit_in_bytes": memory_bytes}):
        _discard(memory)
        return None
    # Absent where the kernel counts no swap.
    _set(memory, {"memory.memsw.limit_in_bytes": memory_bytes})
    folders = [memory]
    pids = _folder(_places(root, "pids"), name)
    if pids is not None and _set(pids, {"pids.max": processes}):
        folders.append(pids)
    else:
        _discard(pids)
    return ControlGroup(folders)


def sweep(root: str = ROOT) -> int:
    """Remove the groups that killed keepers have left, and give how many."""
    places = _places(root, "") if _is_version_2(root) else [*_places(root, "memory"), *_places(root, "pids")]
    removed = 0
    for folder in {f"{place}/{name}" for place in places for name in _groups_in(place)}:
        # The kernel keeps a group that has members; only one that is about to have them needs the patience.
        with contextlib.suppress(OSError):
            if not _members(folder) and time.time() - os.stat(folder).st_mtime >= _EMPTY_SECONDS:
                os.rmdir(folder)
                removed += 1
    return removed


def _groups_in(place: str) -> list[str]:
    with contextlib.suppress(OSError):
        return [name for name in os.listdir(place) if name.startswith(_PREFIX)]
    return []


def _is_version_2(root: str) -> bool:
    return os.path.exists(f"{root}/cgroup.controllers")


def _version_2(root: str, name: str, memory_bytes: int, processes: int) -> ControlGroup | None:
    for place in _places(root, ""):
        folder = _folder([place], name)
        if folder is not None and _set(folder, {"memory.max": memory_bytes, "pids.max": processes}):
            _set(folder, {"memory.swap.max": 0})
            return ControlGroup([folder])
        _discard(folder)
    return None


def _places(root: str, controller: str) -> list[str]:
    """Where this process may make groups: below its own, under version 2 also beside it, as a group that has members
    cannot hand controllers down; below the root where a container shows its own group as the root.
    """
    own = _own_group(controller)
    parents = [own] if controller else [own, os.path.dirname(own)]
    top = f"{root}/{controller}" if controller else root
    found = [f"{top}{parent}".rstrip("/") for parent in parents if os.path.isdir(f"{top}{parent}")]
    return list(dict.fromkeys(found)) or [top]


def _own_group(controller: str) -> str:
    for line in _read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return path
    return "/"


def _folder(places: list[str], name: str) -> str | None:
    """A new folder in the first of the places that is there."""
    for place in places:
        if os.path.isdir(place):
            folder = f"{place}/{_PREFIX}{name}"
            try:
                os.makedirs(folder, exist_ok=True)
            except OSError:
                return None
            return folder
    return None


def _set(folder: str, values: dict[str, int]) -> bool:
    for file, value in values.items():
        # The kernel makes the files of a group: one that is not there belongs to a controller that is not on.
        if not os.path.exists(f"{folder}/{file}"):
            return False
        try:
            _write(f"{folder}/{file}", str(value))
        except OSError:
            return False
    return True


def _members(folder: str) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(line) for line in _read(f"{folder}/cgroup.procs").split()]
    return []


def _discard(folder: str | None) -> None:
    if folder is not None:
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
