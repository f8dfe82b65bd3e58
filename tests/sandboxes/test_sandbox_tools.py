"""What the sandbox tools answer, against a real local sandbox."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.domain.errors import SandboxFailed, ToolFailed
from agent_runtime.sandboxes.local import LocalSandboxes
from agent_runtime.sandboxes.sandbox import Sandbox, SandboxSpec
from agent_runtime.tools import call_environment
from agent_runtime.tools.call_environment import CallEnvironment
from agent_runtime.tools.registry import build_tools
from agent_runtime.tools.sandbox_search import glob_expression
from agent_runtime.tools.services import ToolServices
from tests.support.memory import watched_memory

PIXEL = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


@dataclass
class OneSandbox:
    """Stands for the sandbox of a task."""

    sandbox: Sandbox
    notice: str | None = None

    async def run(self, work: Callable[[Sandbox], Awaitable[Any]], *, repeatable: bool) -> Any:
        return await work(self.sandbox)

    def take_notice(self) -> str | None:
        notice, self.notice = self.notice, None
        return notice


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[OneSandbox]:
    sandbox = await LocalSandboxes(tmp_path).create(uuid.uuid4().hex, SandboxSpec(), 1)
    try:
        yield OneSandbox(sandbox)
    finally:
        await sandbox.destroy()


@pytest.fixture
def call(one: OneSandbox) -> Callable[..., Awaitable[Any]]:
    """Calls a tool by its name as the agent does."""

    async def called(name: str, **arguments: Any) -> Any:
        services = ToolServices(sandbox=one)  # type: ignore[arg-type]
        token = call_environment.enter(CallEnvironment("default", str(uuid.uuid4()), 1, 1, f"call-{name}", services))
        try:
            return await build_tools([name], dev_controls=False)[0].ainvoke(arguments)
        finally:
            call_environment.leave(token)

    return called


Call = Callable[..., Awaitable[Any]]


async def test_a_command_shows_exit_code_and_both_outputs(call: Call) -> None:
    assert await call("sandbox_exec", command="echo a; echo b >&2; exit 4") == "exit code: 4\nstdout:\na\nstderr:\nb"
    assert await call("sandbox_exec", command="true") == "exit code: 0\n(no output)"
    assert "timed out after 1 seconds" in await call("sandbox_exec", command="sleep 9", timeout_seconds=1)


async def test_a_huge_output_comes_as_head_and_tail(call: Call) -> None:
    shown = await call("sandbox_exec", command="seq 1000000")

    assert shown.startswith("exit code: 0\nstdout:\n1\n2\n")
    assert shown.endswith("999999\n1000000")
    assert "bytes left out" in shown
    assert len(shown) < 13_000


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_a_gigabyte_in_one_line_passes_through_little_memory(call: Call) -> None:
    command = "echo first; head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo last"
    with watched_memory() as growth:
        shown = await call("sandbox_exec", command=command, timeout_seconds=90)

    assert shown.startswith("exit code: 0\nstdout:\nfirst\nxxx")
    assert shown.endswith("xxx\nlast")
    assert len(shown) < 13_000
    assert growth.highest < 50_000_000


async def test_a_command_in_the_background_is_read_and_killed_by_its_id(call: Call) -> None:
    started = await call("sandbox_exec", command="echo up; sleep 900", run_in_background=True)
    process_id = started.removeprefix("process_id: ")
    assert await call("sandbox_exec", command="echo up; sleep 900", run_in_background=True) == started

    assert (await call("sandbox_process_read", process_id=process_id)).startswith("running")
    assert await call("sandbox_process_kill", process_id=process_id) == "killed"
    assert (await call("sandbox_process_read", process_id=process_id)).startswith("ended with exit code -9")
    with pytest.raises(ToolFailed):
        await call("sandbox_process_read", process_id="p-none")


async def test_a_file_is_read_by_lines_with_their_numbers(call: Call, one: OneSandbox) -> None:
    await call("sandbox_write_file", path="src/lines.txt", content="".join(f"line {n}\n" for n in range(1, 2001)))

    assert await call("sandbox_read_file", path="src/lines.txt", offset=1999) == (
        "1999\tline 1999\n2000\tline 2000\n[lines 1999 to 2000 of 2000]"
    )
    assert (
        await call("sandbox_read_file", path="src/lines.txt", offset=3, limit=1) == "3\tline 3\n[lines 3 to 3 of 2000]"
    )
    assert "the file has 2000 lines" in await call("sandbox_read_file", path="src/lines.txt", offset=5000)
    with pytest.raises(ToolFailed, match="No such file"):
        await call("sandbox_read_file", path="nothing")


async def test_a_file_of_many_megabytes_or_one_endless_line_is_cut_where_it_lies(call: Call) -> None:
    await call("sandbox_exec", command="seq 3000000 > large; head -c 100M /dev/zero | tr '\\0' x > line")

    shown = await call("sandbox_read_file", path="large", offset=2_999_999)
    assert shown == "2999999\t2999999\n3000000\t3000000\n[lines 2999999 to 3000000 of 3000000]"
    assert len(await call("sandbox_read_file", path="line")) < 3000


async def test_an_image_is_an_image_and_what_is_binary_is_said_to_be(call: Call, one: OneSandbox) -> None:
    await one.sandbox.write("pixel", PIXEL)
    await one.sandbox.write("binary", b"\x7fELF\0\0\0")

    assert (await call("sandbox_read_file", path="pixel"))[0]["mime_type"] == "image/png"
    with pytest.raises(ToolFailed, match="binary"):
        await call("sandbox_read_file", path="binary")


async def test_an_edit_needs_its_text_exactly_once(call: Call, one: OneSandbox) -> None:
    await one.sandbox.write("file", b"a = 1\r\nb = 1\r\n")

    with pytest.raises(ToolFailed, match="2 times"):
        await call("sandbox_edit", path="file", old_string="= 1", new_string="= 2")
    with pytest.raises(ToolFailed, match="does not occur"):
        await call("sandbox_edit", path="file", old_string="c = 1", new_string="c = 2")
    with pytest.raises(ToolFailed, match="the same"):
        await call("sandbox_edit", path="file", old_string="a", new_string="a")
    assert "1 occurrence in" in await call("sandbox_edit", path="file", old_string="a = 1", new_string="a = 2")
    assert "2 occurrences" in await call(
        "sandbox_edit", path="file", old_string="\r\n", new_string="\n", replace_all=True
    )
    assert (await one.sandbox.read("file")).data == b"a = 2\nb = 1\n"


async def test_an_edit_keeps_the_mode_of_the_file(call: Call) -> None:
    await call("sandbox_exec", command="echo 'echo old' > run.sh; chmod 755 run.sh")
    await call("sandbox_edit", path="run.sh", old_string="old", new_string="new")

    assert (await call("sandbox_exec", command="./run.sh")).endswith("stdout:\nnew")


async def test_a_search_gives_files_lines_or_numbers(call: Call, one: OneSandbox) -> None:
    await one.sandbox.write("a.py", b"import os\nimport sys\n")
    await one.sandbox.write("deep/b.py", b"import re\n")
    await one.sandbox.write("c.txt", b"import nothing\n")

    found = await call("sandbox_grep", pattern=r"import\s\w+", glob="*.py")
    assert sorted(found.replace("./", "").splitlines()) == ["a.py", "deep/b.py"]
    lines = await call("sandbox_grep", pattern="sys|re$", output_mode="content", glob="*.py")
    assert sorted(lines.replace("./", "").splitlines()) == ["a.py:2:import sys", "deep/b.py:1:import re"]
    counts = await call("sandbox_grep", pattern="import", output_mode="count", path="a.py")
    assert counts.endswith("a.py:2")
    assert await call("sandbox_grep", pattern="absent") == "no match"
    assert "cut at 1" in await call("sandbox_grep", pattern="import", head_limit=1)
    with pytest.raises(ToolFailed):
        await call("sandbox_grep", pattern="(")
    with pytest.raises(ToolFailed):
        await call("sandbox_grep", pattern="x", path="missing; touch injected")
    assert "injected" not in await call("sandbox_exec", command="ls")


async def test_files_are_found_by_name_the_newest_first(call: Call, one: OneSandbox) -> None:
    for name in ("old.py", "deep/er/mid.py", "new.py", "other.txt"):
        await one.sandbox.write(name, b"")
    await call("sandbox_exec", command="touch -d '2 days ago' old.py; touch -d '1 day ago' deep/er/mid.py")

    assert (await call("sandbox_glob", pattern="**/*.py")).splitlines() == ["new.py", "deep/er/mid.py", "old.py"]
    assert (await call("sandbox_glob", pattern="*.{py,txt}", head_limit=1)).splitlines()[1:] == [
        "[cut at 1; there are more]"
    ]
    assert await call("sandbox_glob", pattern="*.py", path="deep/er") == "mid.py"
    assert await call("sandbox_glob", pattern="*.md") == "no file"
    with pytest.raises(ToolFailed, match="No such file"):
        await call("sandbox_glob", pattern="*", path="missing")


def test_a_glob_is_taken_literally_but_for_its_signs() -> None:
    assert glob_expression("a+b(1).py") == r"\./a\+b\(1\)\.py"
    assert glob_expression("[!a]?.{x,y}") == r"\./[^a][^/]\.(x|y)"


async def test_what_became_of_the_sandbox_is_told_with_the_next_result_even_a_failed_one(
    call: Call, one: OneSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.notice = "[made again]"
    assert (await call("sandbox_exec", command="true")).startswith("[made again]\nexit code: 0")
    assert not (await call("sandbox_exec", command="true")).startswith("[made again]")

    async def lost(*_: Any, **__: Any) -> None:
        one.notice = "[made again]"
        raise SandboxFailed("lost")

    monkeypatch.setattr(OneSandbox, "run", lost)
    with pytest.raises(ToolFailed, match=r"\[made again\]\nlost"):
        await call("sandbox_exec", command="true")
