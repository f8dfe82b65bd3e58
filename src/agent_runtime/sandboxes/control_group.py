"""A control group of one sandbox, where this user may make one: memory and processes are then held by the kernel.

Imported by the keeper: standard library alone.
"""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


@dataclass
class ControlGroup:
    """The folders of one group: one under version 2, one per controller under version 1."""

    folders: list[Path]

    def join(self) -> None:
        """Put the calling process into it."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text("0")

    def members(self) -> list[int]:
        """Pids of those in it."""
        return [int(line) for line in (self.folders[0] / "cgroup.procs").read_text().split()]

    def killed_for_memory(self) -> int:
        """How many processes the kernel has ended for want of memory."""
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                for line in (self.folders[0] / name).read_text().splitlines():
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        return 0

    def remove(self) -> None:
        """Remove it; its last members may take a moment to be gone."""
        for folder in self.folders:
            for _ in range(50):
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    for pid in self._left(folder):
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                    time.sleep(0.02)

    @staticmethod
    def _left(folder: Path) -> list[int]:
        with contextlib.suppress(OSError):
            return [int(line) for line in (folder / "cgroup.procs").read_text().split()]
        return []


def make(name: str, *, memory_bytes: int, processes: int, root: Path = ROOT) -> ControlGroup | None:
    """A group with these limits, or None where none can be made. Without memory there is no group."""
    own = _own_groups()
    if (root / "cgroup.controllers").exists():
        return _version_2(root, own.get("", "/"), name, memory_bytes, processes)
    memory = _folder(root / "memory", own.get("memory", "/"), name)
    if memory is None or not _set(memory, {"memory.limit_in_bytes": memory_bytes}):
        _discard(memory)
        return None
    # Absent where the kernel counts no swap.
    _set(memory, {"memory.memsw.limit_in_bytes": memory_bytes})
    folders = [memory]
    pids = _folder(root / "pids", own.get("pids", "/"), name)
    if pids is not None and _set(pids, {"pids.max": processes}):
        folders.append(pids)
    else:
        _discard(pids)
    return ControlGroup(folders)


def _version_2(root: Path, own: str, name: str, memory_bytes: int, processes: int) -> ControlGroup | None:
    """Beside this process's group or below it: a group that has members of its own cannot hand controllers down."""
    for parent in (own, os.path.dirname(own)):
        folder = _folder(root, parent, name)
        if folder is not None and _set(folder, {"memory.max": memory_bytes, "pids.max": processes}):
            _set(folder, {"memory.swap.max": 0})
            return ControlGroup([folder])
        _discard(folder)
    return None


def _own_groups() -> dict[str, str]:
    found = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = path
    return found


def _folder(root: Path, parent: str, name: str) -> Path | None:
    """A new folder below `parent`, or below the root where a container shows its own group as the root."""
    for place in (root / parent.lstrip("/"), root):
        if place.is_dir():
            folder = place / name
            try:
                folder.mkdir(exist_ok=True)
            except OSError:
                return None
            return folder
    return None


def _set(folder: Path, values: dict[str, int]) -> bool:
    for file, value in values.items():
        # The kernel makes the files of a group: one that is not there belongs to a controller that is not on.
        if not (folder / file).exists():
            return False
        try:
            (folder / file).write_text(str(value))
        except OSError:
            return False
    return True


def _discard(folder: Path | None) -> None:
    if folder is not None:
        with contextlib.suppress(OSError):
            folder.rmdir()
