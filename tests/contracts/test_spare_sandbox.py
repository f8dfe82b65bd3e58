"""Local sandboxes that are started before a task needs them, and what is left of those whose keepers were killed."""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent_runtime.sandboxes import control_group
from agent_runtime.sandboxes.local import LocalSandbox, LocalSandboxes
from agent_runtime.sandboxes.sandbox import SandboxSpec
from agent_runtime.sandboxes.watchdog import tree_of
from tests.contracts.test_local_sandbox import keeper_of, lives, names_in
from tests.support.waiting import eventually

SPEC = SandboxSpec(timeout_seconds=60, memory_mb=256, disk_mb=64, processes=30, vcpu=1)
WORKER = """
import asyncio
from pathlib import Path
from agent_runtime.sandboxes.local import LocalSandboxes
from agent_runtime.sandboxes.sandbox import SandboxSpec
async def main():
    LocalSandboxes(Path({root!r})).prepare(SandboxSpec())
    await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[LocalSandboxes]:
    made = LocalSandboxes(tmp_path)
    yield made
    await made.close()
    # Without its folder a keeper ends by itself.
    shutil.rmtree(tmp_path)


def spares(root: Path) -> list[Path]:
    """Those that are up: their keepers listen."""
    return [folder for folder in root.glob("spare-*") if (folder / "door").exists()]


async def one_spare(root: Path) -> Path:
    async def there() -> bool:
        return len(spares(root)) == 1

    await eventually(there, "a spare sandbox is up")
    return spares(root)[0]


async def none_left(root: Path) -> None:
    async def gone() -> bool:
        return names_in(root) == []

    await eventually(gone, "nothing is left of them")


async def test_a_task_gets_the_prepared_sandbox_and_the_next_one_is_begun(
    provider: LocalSandboxes, tmp_path: Path
) -> None:
    provider.prepare(SPEC)
    provider.prepare(SPEC)
    waiting = keeper_of(LocalSandbox(await one_spare(tmp_path), 1, SPEC))

    sandbox = await provider.create("task", SPEC, 3)

    assert keeper_of(sandbox) == waiting
    assert (await sandbox.exec("echo works", 10)).stdout.text == "works\n"
    next_one = keeper_of(LocalSandbox(await one_spare(tmp_path), 1, SPEC))
    assert next_one != waiting
    await provider.close()
    assert await sandbox.is_alive()
    await sandbox.destroy()
    await none_left(tmp_path)


async def test_looks_at_a_waiting_sandbox_do_not_fill_its_door(provider: LocalSandboxes, tmp_path: Path) -> None:
    provider.prepare(SPEC)
    os.utime(await one_spare(tmp_path), (0, 0))
    for _ in range(300):
        assert await provider.sweep() == 0

    sandbox = await provider.create("task", SPEC, 1)

    heard = await asyncio.gather(*(sandbox.exec(f"echo {number}", 10) for number in range(4)))
    assert [each.stdout.text for each in heard] == [f"{number}\n" for number in range(4)]


async def test_what_lies_there_of_another_host_is_left_alone(provider: LocalSandboxes, tmp_path: Path) -> None:
    for name, host in (("theirs", "elsewhere"), ("ours", socket.gethostname())):
        (tmp_path / name).mkdir()
        (tmp_path / name / "host").write_text(host)
        os.utime(tmp_path / name, (0, 0))

    assert await provider.sweep() == 1

    assert names_in(tmp_path) == ["theirs"]


async def test_a_task_never_gets_one_of_another_kind(provider: LocalSandboxes, tmp_path: Path) -> None:
    provider.prepare(SandboxSpec(memory_mb=64))
    waiting = keeper_of(LocalSandbox(await one_spare(tmp_path), 1, SPEC))

    sandbox = await provider.create("task", SPEC, 1)

    assert keeper_of(sandbox) != waiting


async def test_the_kinds_that_nobody_asked_for_lately_are_let_go(provider: LocalSandboxes, tmp_path: Path) -> None:
    provider.prepare(SandboxSpec(vcpu=1))
    first = keeper_of(LocalSandbox(await one_spare(tmp_path), 1, SPEC))
    provider.prepare(SandboxSpec(vcpu=2))

    async def two() -> bool:
        return len(spares(tmp_path)) == 2

    await eventually(two, "both are up")
    (second,) = {keeper_of(LocalSandbox(spare, 1, SPEC)) for spare in spares(tmp_path)} - {first}
    provider.prepare(SandboxSpec(vcpu=1))
    provider.prepare(SandboxSpec(vcpu=4))

    async def let_go() -> bool:
        return not lives(second)

    await eventually(let_go, "the one that nobody asked for lately ends")
    await eventually(two, "the newest is up")
    assert lives(first)


async def test_tasks_that_come_at_once_all_get_a_sandbox(provider: LocalSandboxes) -> None:
    provider.prepare(SPEC)

    made = await asyncio.gather(*(provider.create(f"task-{n}", SPEC, 1) for n in range(4)))

    assert len({keeper_of(sandbox) for sandbox in made}) == 4


async def test_a_prepared_sandbox_that_has_died_costs_the_task_only_time(
    provider: LocalSandboxes, tmp_path: Path
) -> None:
    provider.prepare(SPEC)
    os.kill(keeper_of(LocalSandbox(await one_spare(tmp_path), 1, SPEC)), signal.SIGKILL)

    sandbox = await provider.create("task", SPEC, 1)

    assert await sandbox.is_alive()


async def test_a_prepared_sandbox_that_cannot_start_is_told_when_a_task_needs_it(
    provider: LocalSandboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_runtime.sandboxes.bubblewrap.program", lambda: "/bin/false")
    provider.prepare(SPEC)
    with pytest.raises(Exception, match="bubblewrap ended"):
        await provider.create("task", SPEC, 1)
    monkeypatch.undo()

    provider.prepare(SPEC)
    assert await (await provider.create("task", SPEC, 1)).is_alive()


async def test_an_unused_sandbox_ends_with_its_worker_even_a_killed_one(tmp_path: Path) -> None:
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER.format(root=str(tmp_path)))
    keeper = keeper_of(LocalSandbox(await one_spare(tmp_path), 1, SPEC))

    async def whole() -> bool:
        return len(tree_of(keeper)) == 3

    await eventually(whole, "all of it is up")
    processes = [process.pid for process in tree_of(keeper)]
    worker.kill()
    await worker.wait()

    await none_left(tmp_path)
    assert not any(lives(pid) for pid in processes[1:])


async def test_what_a_killed_keeper_leaves_is_swept_and_nothing_else(provider: LocalSandboxes, tmp_path: Path) -> None:
    dead, alive = await provider.create("dead", SPEC, 1), await provider.create("alive", SPEC, 1)
    (tmp_path / "starting").mkdir()
    groups = groups_of(keeper_of(dead))
    processes = [process.pid for process in tree_of(keeper_of(dead))]
    os.kill(processes[0], signal.SIGKILL)

    async def ended() -> bool:
        return not any(lives(pid) for pid in processes)

    await eventually(ended, "its processes end")
    assert await provider.sweep() == 0
    for folder in (tmp_path / "dead", tmp_path / "alive"):
        os.utime(folder, (0, 0))
    assert await provider.sweep() == 1
    assert names_in(tmp_path) == ["alive", "starting"]
    assert all(group.exists() for group in groups)

    for place in (*groups, tmp_path / "starting"):
        os.utime(place, (0, 0))
    assert await provider.sweep() == 1
    assert not any(group.exists() for group in groups)
    assert names_in(tmp_path) == ["alive"]
    assert (await alive.exec("echo works", 10)).stdout.text == "works\n"


def groups_of(keeper: int) -> list[Path]:
    """Folders of the control groups of a sandbox."""
    inside = tree_of(keeper)[-1].pid
    found = []
    for line in Path(f"/proc/{inside}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "par-sandbox-" in path:
            found.append(Path(control_group.ROOT, controllers, path.lstrip("/")))
    return found
