"""The walls and limits of local sandboxes, in both ways of counting memory."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent_runtime.domain.errors import SandboxFailed, SandboxGone, SandboxUnavailable
from agent_runtime.sandboxes.local import LocalSandbox, LocalSandboxes
from agent_runtime.sandboxes.sandbox import SandboxSpec
from agent_runtime.sandboxes.watchdog import tree_of
from tests.support.waiting import eventually

SPEC = SandboxSpec(timeout_seconds=60, memory_mb=256, disk_mb=64, processes=30, vcpu=1)
LAST = 99
ATTACKS = {
    "read the system's secrets": "cat /etc/shadow",
    "write into the system": "touch /usr/escaped || touch /etc/escaped || touch /escaped",
    "look into the first process": "cat /proc/1/environ || ls /proc/1/fd || head -c 1 /proc/1/mem",
    "mount": "mount -t tmpfs none /mnt",
    "a user namespace": "unshare -U true",
    "become root": "python3 -c 'import os; os.setuid(0)' || su -c true",
    "trace": "python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).ptrace(16, 1, 0, 0) != 0)'",
    "more processors": "python3 -c 'import os; os.sched_setaffinity(0, range(64))'",
    "raise a limit": "ulimit -u 1000",
    "the kernel": "echo 1 > /proc/sys/kernel/hostname",
    "the host's devices": "head -c 1 /dev/mem || head -c 1 /dev/kmsg || head -c 1 /dev/sda || dmesg",
    "a device of its own": "mknod disk b 8 0",
    "raw packets": "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'",
    "a file of 100 GB": "truncate -s 100G sparse || fallocate -l 100G full",
    "the keys of the host's root": "ls /root/.ssh /home/*/.ssh",
}
CONNECT = "python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)'"
OPEN_SOCKET = "python3 -c 'import socket, sys; socket.socket(int(sys.argv[1]), socket.SOCK_RAW)'"


@pytest.fixture(params=["counted by the kernel", "counted by the keeper", "prepared"])
async def provider(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LocalSandboxes]:
    made = LocalSandboxes(tmp_path, control_groups=request.param != "counted by the keeper")
    if request.param == "prepared":
        made.prepare(SPEC)
    yield made
    await made.close()


@pytest.fixture
async def sandbox(provider: LocalSandboxes) -> AsyncIterator[LocalSandbox]:
    made = await provider.create(uuid.uuid4().hex, SPEC, 1)
    try:
        yield made
    finally:
        with contextlib.suppress(SandboxGone):
            await (await provider.connect(made.sandbox_id, SPEC, LAST)).destroy()


def keeper_of(sandbox: LocalSandbox) -> int:
    """Pid of the keeper: it has the folder's log open."""
    log = sandbox.folder / "keeper.log"
    for pid in (entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        try:
            if Path(f"/proc/{pid}/fd/2").readlink() == log and Path(f"/proc/{pid}/cmdline").read_bytes().count(
                b"keeper"
            ):
                return int(pid)
        except OSError:
            continue
    raise AssertionError("the sandbox has no keeper")


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_attack_is_refused(sandbox: LocalSandbox, attack: str) -> None:
    result = await sandbox.exec(ATTACKS[attack], 10)

    assert result.exit_code not in (0, 127), result


async def test_nothing_of_the_host_is_reached_over_a_network(sandbox: LocalSandbox) -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for address in ("127.0.0.1", "169.254.169.254", "10.0.0.1"):
            result = await sandbox.exec(f"{CONNECT} {address} {port}", 10)
            assert result.exit_code == 1, address
            assert "OSError" in result.stderr.text or "refused" in result.stderr.text
    for family in (17, 38, 40):
        assert "Operation not permitted" in (await sandbox.exec(f"{OPEN_SOCKET} {family}", 10)).stderr.text


async def test_a_socket_of_the_host_is_out_of_reach(sandbox: LocalSandbox) -> None:
    connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1].replace('@', chr(0)))"
    # Not the test's own folder, whose path may be longer than a socket's name may be.
    places = tempfile.TemporaryDirectory()
    with places as folder, socket.socket(socket.AF_UNIX) as by_path, socket.socket(socket.AF_UNIX) as by_name:
        names = [f"{folder}/listening", f"@par-test-{uuid.uuid4().hex}"]
        for listening, name in zip((by_path, by_name), names, strict=True):
            listening.bind(name.replace("@", "\0"))
            listening.listen()
        for name in names:
            result = await sandbox.exec(f'python3 -c "{connect}" {name}', 10)
            assert "FileNotFoundError" in result.stderr.text or "ConnectionRefused" in result.stderr.text, result


async def test_no_process_of_a_sandbox_holds_the_environment_of_its_worker(
    provider: LocalSandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET_KEY", "hidden")
    sandbox = await provider.create(uuid.uuid4().hex, SPEC, 1)
    try:
        keeper, *others = [process.pid for process in tree_of(keeper_of(sandbox))]
        assert environment_of(keeper) == b""
        assert not any(b"hidden" in (environment_of(pid) or b"") for pid in others)
    finally:
        await sandbox.destroy()


async def test_a_link_that_changes_while_it_is_read_never_leads_out(sandbox: LocalSandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret of the host")
    flip = f"while true; do ln -sfn own link; ln -sfn {secret} link; ln -sfn /etc/shadow link; done"
    await sandbox.write("own", b"own")
    await sandbox.start("flip", flip)
    seen = set()
    for _ in range(100):
        with contextlib.suppress(SandboxFailed):
            seen.add((await sandbox.read("link")).data)
        with contextlib.suppress(SandboxFailed):
            await sandbox.write("link", b"own")

    assert seen == {b"own"}
    assert secret.read_text() == "secret of the host"


async def test_a_command_that_kills_all_it_can_see_ends_only_commands(sandbox: LocalSandbox) -> None:
    await sandbox.start("other", "sleep 982")
    await sandbox.exec("kill -9 1; kill -9 -1", 10)

    assert (await sandbox.exec("echo still here", 10)).stdout.text == "still here\n"
    assert not (await sandbox.process("other")).running


async def test_the_sandbox_has_no_rights_no_environment_and_no_other_processes(
    sandbox: LocalSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = (await sandbox.exec("cat /proc/self/status; env; id -u; ls /proc", 10)).stdout.text

    for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
        assert line in status
    assert "PYTEST" not in status
    assert "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/python/bin\n" in status
    seen = (await sandbox.exec("ls /proc", 10)).stdout.text.split()
    assert len([name for name in seen if name.isdigit()]) <= 3
    if os.geteuid() == 0:
        inside = tree_of(keeper_of(sandbox))[-1].pid
        assert user_of(inside) >= 1_600_000_000


async def test_a_fork_bomb_stays_within_its_number_of_processes(sandbox: LocalSandbox) -> None:
    bomb = asyncio.create_task(sandbox.exec("bomb() { bomb | bomb & }; bomb; sleep 1; bomb | bomb", 3))
    keeper = keeper_of(sandbox)
    most = 0
    while not bomb.done():
        most = max(most, len(tree_of(keeper)))
        await asyncio.sleep(0.05)

    assert SPEC.processes - 15 < most <= SPEC.processes + 5
    assert (await sandbox.exec("echo still here", 10)).stdout.text == "still here\n"


async def test_the_memory_of_all_processes_together_is_limited(sandbox: LocalSandbox) -> None:
    hog = "python3 -c 'b = bytearray(120 * 2**20); import time; time.sleep(2); print(1)'"
    result = await sandbox.exec(f"for i in 1 2 3 4 5 6; do {hog} & done; wait; exit 1", 15)

    assert result.stdout.text.count("1") <= 2
    assert result.limits == ("memory",)
    assert await sandbox.is_alive()


async def test_one_file_and_all_files_together_are_limited(sandbox: LocalSandbox) -> None:
    one = await sandbox.exec("head -c 200M /dev/zero > large; stat -c %s large; rm large", 10)
    assert int(one.stdout.text.split()[0]) <= SPEC.disk_mb * 2**20

    many = "for i in $(seq 20); do head -c 10M /dev/zero > $i || exit 1; sleep 0.2; done"
    result = await sandbox.exec(many, 15)

    assert result.limits == ("disk",)
    assert (await sandbox.exec("rm -f *; echo tidied", 10)).stdout.text == "tidied\n"


async def test_a_command_is_killed_with_its_children_when_its_time_is_up(sandbox: LocalSandbox) -> None:
    result = await sandbox.exec("sleep 987 & sleep 987", 0.5)

    assert result.timed_out
    assert "sleep" not in (await sandbox.exec("cat /proc/[0-9]*/comm", 10)).stdout.text


async def test_a_child_left_behind_does_not_hold_up_the_answer_and_ends_with_the_sandbox(sandbox: LocalSandbox) -> None:
    result = await asyncio.wait_for(sandbox.exec("setsid sleep 986 & echo done", 30), 5)
    assert result.stdout.text == "done\n"
    processes = [process.pid for process in tree_of(keeper_of(sandbox))]

    await sandbox.destroy()

    async def all_ended() -> bool:
        return not any(lives(pid) for pid in processes)

    await eventually(all_ended, "every process of the sandbox ends")
    assert not sandbox.folder.exists()


async def test_a_huge_output_is_cut_while_it_comes(sandbox: LocalSandbox) -> None:
    result = await sandbox.exec("echo first; head -c 300M /dev/zero | tr '\\0' x; echo; echo last", 18, 8_000)

    assert result.stdout.text.startswith("first\nxxx")
    assert result.stdout.text.endswith("xxx\nlast\n")
    assert len(result.stdout.text) < 8_200
    assert result.stdout.left_out > 300 * 2**20 - 8_000


async def test_a_link_leads_nowhere_but_inside(sandbox: LocalSandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    await sandbox.exec(f"ln -s {secret} link; ln -s {tmp_path} folder", 10)

    with pytest.raises(SandboxFailed) as read:
        await sandbox.read("link")
    await sandbox.write("folder/secret", b"changed")
    assert read.value.kind == "not_found"
    assert secret.read_text() == "secret"


async def test_what_blocks_for_ever_is_no_file(sandbox: LocalSandbox) -> None:
    await sandbox.exec("mkfifo pipe", 10)

    for path in ("pipe", "/dev/zero"):
        with pytest.raises(SandboxFailed, match="no regular file"):
            await sandbox.read(path)


async def test_loopback_inside_is_shared_by_its_commands(sandbox: LocalSandbox) -> None:
    await sandbox.write("page", b"hello")
    await sandbox.start("server", "exec python3 -m http.server 8099 --bind 127.0.0.1")
    fetch = 'import urllib.request as r; print(r.urlopen("http://127.0.0.1:8099/page").read())'

    async def fetched() -> bool:
        return "hello" in (await sandbox.exec(f"python3 -c '{fetch}'", 10)).stdout.text

    await eventually(fetched, "the server of the sandbox answers", every=0.2)
    assert await sandbox.kill("server")
    assert not await fetched()


async def test_a_pause_stops_all_and_a_connection_lets_it_go_on(
    provider: LocalSandboxes, sandbox: LocalSandbox
) -> None:
    await sandbox.start("clock", "while true; do echo >> ticks; sleep 0.05; done")

    async def begun() -> bool:
        return (await sandbox.exec("test -s ticks", 5)).exit_code == 0

    await eventually(begun, "the clock ticks")
    await sandbox.pause()
    with pytest.raises(SandboxFailed, match="paused"):
        await sandbox.exec("true", 5)
    state = tree_of(keeper_of(sandbox))
    assert {state_of(process.pid) for process in state[2:]} == {"T"}

    again = await provider.connect(sandbox.sandbox_id, SPEC, 1)
    before = (await again.read("ticks")).file_size

    async def goes_on() -> bool:
        return (await again.read("ticks")).file_size > before

    await eventually(goes_on, "the clock goes on")


async def test_an_earlier_attempt_can_do_nothing_more(provider: LocalSandboxes, sandbox: LocalSandbox) -> None:
    await provider.connect(sandbox.sandbox_id, SPEC, 2)

    for call in (sandbox.exec("true", 5), sandbox.write("x", b""), sandbox.pause()):
        with pytest.raises(SandboxFailed) as refused:
            await call
        assert refused.value.kind == "superseded"


async def test_a_command_that_nobody_waits_for_is_killed(sandbox: LocalSandbox) -> None:
    call = asyncio.create_task(sandbox.exec("echo > begun; sleep 985", 60))

    async def begun() -> bool:
        return (await sandbox.exec("test -e begun", 5)).exit_code == 0

    await eventually(begun, "the command begins")
    call.cancel()

    async def gone() -> bool:
        return "sleep" not in (await sandbox.exec("cat /proc/[0-9]*/comm", 5)).stdout.text

    await eventually(gone, "the command is killed")


async def test_a_sandbox_that_nobody_uses_ends_by_itself(provider: LocalSandboxes) -> None:
    sandbox = await provider.create(uuid.uuid4().hex, SandboxSpec(timeout_seconds=1), 1)

    async def gone() -> bool:
        return not sandbox.folder.exists()

    await eventually(gone, "the sandbox ends")


async def test_a_killed_keeper_takes_its_sandbox_along(sandbox: LocalSandbox) -> None:
    keeper = keeper_of(sandbox)
    await sandbox.start("long", "sleep 984")
    processes = [process.pid for process in tree_of(keeper)]
    os.kill(keeper, signal.SIGKILL)

    async def all_ended() -> bool:
        return not any(lives(pid) for pid in processes)

    await eventually(all_ended, "every process of the sandbox ends")
    with pytest.raises(SandboxGone):
        await sandbox.exec("true", 5)


async def test_the_sandbox_outlives_the_process_that_made_it(provider: LocalSandboxes, tmp_path: Path) -> None:
    maker = f"""
import asyncio, os
from pathlib import Path
from agent_runtime.sandboxes.local import LocalSandboxes
from agent_runtime.sandboxes.sandbox import SandboxSpec
async def main():
    sandbox = await LocalSandboxes(Path({str(tmp_path)!r})).create("outlives", SandboxSpec(), 1)
    await sandbox.start("job", "echo begun; sleep 983")
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", maker)
    assert await process.wait() == -signal.SIGKILL

    again = await provider.connect("outlives", SPEC, 2)
    try:
        report = await again.process("job")
        assert report.running
        assert report.stdout.text == "begun\n"
    finally:
        await again.destroy()


async def test_a_data_folder_closed_to_others_with_a_long_path_will_do(tmp_path: Path) -> None:
    closed = tmp_path / ("long" * 30)
    closed.mkdir(mode=0o700)
    sandbox = await LocalSandboxes(closed).create(uuid.uuid4().hex, SPEC, 1)
    assert (await sandbox.exec("echo > file; ls", 10)).stdout.text == "file\n"
    await sandbox.destroy()


async def test_a_program_that_fails_is_no_sandbox_and_its_words_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_runtime.sandboxes.bubblewrap.program", lambda: "/bin/false")

    with pytest.raises(SandboxUnavailable, match="bubblewrap ended"):
        await LocalSandboxes(tmp_path).create("broken", SPEC, 1)
    assert names_in(tmp_path) == []


def names_in(folder: Path) -> list[str]:
    """What it holds."""
    return sorted(path.name for path in folder.iterdir())


def lives(pid: int) -> bool:
    return state_of(pid) not in ("Z", None)


def state_of(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None


def environment_of(pid: int) -> bytes | None:
    """None where even the user who started it may not look."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except PermissionError:
        return None


def user_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid
