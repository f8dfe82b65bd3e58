"""What killed keepers leave behind: folders that nobody serves, and empty control groups."""

import os
import socket
import time
from pathlib import Path

from agent_runtime.sandboxes import control_group
from agent_runtime.sandboxes.keeper import HOST, SOCKET, remove_folder

# A keeper serves its door within a moment of its folder's making.
_STARTING_SECONDS = 60.0


def sweep(root: Path) -> int:
    """Remove the folders below `root` whose keepers are dead, and give how many; their processes died with them."""
    dead = [folder for folder in _folders(root) if _is_dead(folder)]
    for folder in dead:
        remove_folder(str(folder))
    control_group.sweep()
    return len(dead)


def _folders(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []


def _is_dead(folder: Path) -> bool:
    """Whether it is this host's and nobody listens behind its door, or nobody has ever opened one."""
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        try:
            place = f"/proc/self/fd/{descriptor}"
            is_old = time.time() - os.fstat(descriptor).st_mtime >= _STARTING_SECONDS
            return is_old and _is_ours(f"{place}/{HOST}") and _refuses(f"{place}/{SOCKET}")
        finally:
            os.close(descriptor)
    except OSError:
        # It was removed just now, or is another user's.
        return False


def _is_ours(file: str) -> bool:
    """The data folder may lie on a disk that several hosts share, where the doors of others refuse as well."""
    try:
        return Path(file).read_text(encoding="utf-8") == socket.gethostname()
    except FileNotFoundError:
        return True


def _refuses(door: str) -> bool:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.setblocking(False)
        try:
            caller.connect(door)
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        except BlockingIOError:
            # A keeper with a long queue.
            return False
    return False
