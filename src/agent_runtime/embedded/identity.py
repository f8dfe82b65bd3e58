"""Under which identity PostgreSQL runs: it refuses root, and its files must keep one owner.

The owner of the data folder is the record of the mode: files of root belong to a server in a user namespace
(inside it root is called nobody), files of anybody else to a server that runs as that user.
"""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from agent_runtime.domain.errors import StartFailed

NOBODY = 65534
_NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")
_probed: list[bool] = []


def command_prefix(directory: Path) -> list[str]:
    """The words to put before a PostgreSQL program so that it may run on `directory` (which exists).

    As a normal user there are none, but where that user has no name (containers with any user id) initdb needs a
    user namespace, in which he has one. As root: a user namespace for folders of root, setuid to the owner otherwise.
    Raises StartFailed when the folder belongs to somebody whom this process cannot become.
    """
    owner = directory.stat().st_uid
    if os.geteuid() != 0:
        if owner != os.geteuid():
            raise StartFailed(f"{directory} belongs to user id {owner}: start as that user, or set PAR_DATA_DIR")
        return [] if _has_name(owner) else list(_NAMESPACE)
    if owner != 0:
        return _as_user(owner, directory.stat().st_gid)
    if not user_namespaces_work():
        raise StartFailed(
            f"{directory} belongs to root and user namespaces are disabled here: "
            f"give it away with `chown -R {NOBODY}:{NOBODY} {directory}`"
        )
    return list(_NAMESPACE)


def prepare_owner(directory: Path) -> None:
    """Give a new, empty folder the owner that PostgreSQL will run as."""
    if os.geteuid() == 0 and not user_namespaces_work():
        os.chown(directory, NOBODY, NOBODY)


def user_namespaces_work() -> bool:
    """Whether an unprivileged user namespace can be made here (some containers forbid it)."""
    if not _probed:
        _probed.append(_probe([*_NAMESPACE, "true"]))
    return _probed[0]


def describe_mode(directory: Path) -> str:
    """In words, as whom a server with this folder runs or would run."""
    if os.geteuid() != 0:
        return "runs as this user"
    owner = (directory / "data").stat().st_uid if (directory / "data").exists() else 0
    if owner == 0 and user_namespaces_work():
        return "runs in a user namespace"
    return f"runs as user id {owner or NOBODY}"


def tied_to_parent(signal_name: str) -> list[str]:
    """Prefix that makes the kernel send this signal to the program when the thread that started it ends."""
    return ["setpriv", "--pdeathsig", signal_name, "--"] if shutil.which("setpriv") else []


def _as_user(user: int, group: int) -> list[str]:
    # The one capability lets the server walk through a home folder that only root may enter.
    capability = "+dac_override"
    return [
        *("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"),
        *(f"--inh-caps={capability}", f"--ambient-caps={capability}", "--"),
    ]


def _has_name(user: int) -> bool:
    try:
        return bool(pwd.getpwuid(user))
    except KeyError:
        return False


def _probe(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
