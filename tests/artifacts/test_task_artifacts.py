"""A row exists only when its bytes do, and only the live attempt writes either."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from agent_runtime.artifacts.memory_objects import MemoryObjects
from agent_runtime.artifacts.sweep import sweep
from agent_runtime.artifacts.task_artifacts import TaskArtifacts
from agent_runtime.domain import artifact as rules
from agent_runtime.domain.artifact import Artifact
from agent_runtime.domain.errors import LeaseLost, ToolFailed
from agent_runtime.store import retention
from tests.artifacts.conftest import files_of
from tests.support.attempts import Desk
from tests.support.memory import watched_memory
from tests.support.tasks import TaskBook


@pytest.fixture
async def files(book: TaskBook, ours: Desk, memory: MemoryObjects) -> TaskArtifacts:
    """Files of a running task."""
    book.submit()
    return files_of(ours, memory, (await ours.claim("worker-1"))[0])


async def content(files: TaskArtifacts, artifact: Artifact) -> bytes:
    return b"".join([chunk async for chunk in files.read(artifact)])


async def test_a_saved_file_is_described_listed_and_read(files: TaskArtifacts) -> None:
    saved = await files.save("report.md", None, b"# All is well")
    assert (saved.direction, saved.content_type, saved.size_bytes) == ("output", "text/markdown", 13)
    assert saved.sha256 == hashlib.sha256(b"# All is well").hexdigest()
    assert list(await files.list("output")) == [saved]
    assert await files.list("input") == []
    assert await content(files, saved) == b"# All is well"


@pytest.mark.parametrize("kind", ["folder_objects", "s3_objects"])
async def test_fifty_megabytes_are_saved_in_less_than_twenty(
    kind: str, files: TaskArtifacts, request: pytest.FixtureRequest
) -> None:
    files = replace(files, objects=request.getfixturevalue(kind))
    piece = bytes(range(256)) * 300

    async def content(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // len(piece)):
            yield piece

    await files.save("warm.bin", None, content(3_000_000))
    with watched_memory() as growth:
        saved = await files.save("a.bin", None, content(50_000_000))
    assert saved.sha256 == hashlib.sha256(piece * (50_000_000 // len(piece))).hexdigest()
    assert growth.highest < 20_000_000


async def test_the_same_name_again_replaces_the_file_and_the_old_bytes_go(
    files: TaskArtifacts, memory: MemoryObjects
) -> None:
    first = await files.save("a.txt", None, b"first")
    second = await files.save("a.txt", None, b"second")
    assert list(await files.list()) == [second]
    assert await content(files, second) == b"second"
    assert await content(files, first) == b"first", "who has begun to read it may go on"
    assert await sweep(files.database, memory, older_than_seconds=0) == 1
    assert list(memory.objects.values()) == [b"second"]


async def test_a_repeated_call_gives_its_first_file_and_writes_nothing(
    files: TaskArtifacts, memory: MemoryObjects
) -> None:
    first = await files.save("a.txt", None, b"first", tool_call_id="call-1")
    again = await files.save("a.txt", None, b"first", tool_call_id="call-1")
    assert again == first
    assert len(memory.objects) == 1
    other = await files.save("a.txt", None, b"other", tool_call_id="call-2")
    assert other.artifact_id != first.artifact_id


async def test_an_attempt_that_has_ended_saves_nothing(
    book: TaskBook, ours: Desk, memory: MemoryObjects, files: TaskArtifacts
) -> None:
    async def ends_meanwhile() -> AsyncIterator[bytes]:
        yield b"late"
        book.rows("update par.attempts set ended_at = par.now()")

    with pytest.raises(LeaseLost):
        await files.save("a.txt", None, ends_meanwhile())
    assert await files.list() == []
    assert await sweep(files.database, memory, older_than_seconds=0) == 1
    assert memory.objects == {}


async def test_a_store_that_is_down_is_an_error_of_the_tool_and_leaves_no_row(
    files: TaskArtifacts, memory: MemoryObjects
) -> None:
    memory.down = True
    with pytest.raises(ToolFailed, match="could not be reached"):
        await files.save("a.txt", None, b"x")
    memory.down = False
    assert await files.list() == []
    await files.save("a.txt", None, b"x")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\0b", "a\nb", "x" * 256, "ü" * 128])
async def test_a_name_that_is_a_path_or_no_name_is_refused(
    name: str, files: TaskArtifacts, memory: MemoryObjects
) -> None:
    with pytest.raises(ToolFailed, match="file name"):
        await files.save(name, None, b"x")
    assert memory.objects == {}


async def test_a_file_over_the_limit_is_refused_before_its_end(
    files: TaskArtifacts, memory: MemoryObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_runtime.artifacts.upload.FILE_BYTES", 100_000)
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 1
            yield bytes(10_000)

    with pytest.raises(ToolFailed, match="over the limit of 100000 bytes"):
        await files.save("a.bin", None, endless())
    assert given == 11
    assert memory.objects == {}


async def test_a_task_has_room_for_so_many_bytes_and_files(
    files: TaskArtifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "TASK_BYTES", 10)
    monkeypatch.setattr(rules, "TASK_FILES", 2)
    await files.save("a", None, b"12345678")
    with pytest.raises(ToolFailed, match="may have 10 bytes in all"):
        await files.save("b", None, b"123")
    await files.save("a", None, b"1234567890")
    await files.save("c", None, b"")
    with pytest.raises(ToolFailed, match="may have 2 files"):
        await files.save("d", None, b"")


async def test_files_saved_at_once_do_not_overrun_the_room(
    files: TaskArtifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "TASK_BYTES", 10)
    outcomes = await asyncio.gather(*(files.save(str(n), None, b"123456") for n in range(5)), return_exceptions=True)
    assert sum(isinstance(each, Artifact) for each in outcomes) == 1
    assert sum(isinstance(each, ToolFailed) for each in outcomes) == 4


async def test_an_upload_that_was_given_up_gets_no_row(files: TaskArtifacts, memory: MemoryObjects) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        assert await sweep(files.database, memory, older_than_seconds=0) == 1

    with pytest.raises(ToolFailed, match="took over an hour"):
        await files.save("a.txt", None, slow())
    assert await files.list() == []


async def test_the_sweep_leaves_young_uploads_alone_and_outlives_a_store_that_is_down(
    book: TaskBook, files: TaskArtifacts, memory: MemoryObjects
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise KeyError("gone")

    with pytest.raises(KeyError):
        await files.save("a.txt", None, broken())
    assert await sweep(files.database, memory) == 0
    book.rows("update par.loose_objects set since = since - interval '2 hours'")
    memory.down = True
    with pytest.raises(Exception, match="down"):
        await sweep(files.database, memory)
    memory.down = False
    book.rows("update par.loose_objects set since = since - interval '2 hours'")
    assert await sweep(files.database, memory) == 1
    assert book.rows("select * from par.loose_objects") == []


async def test_a_task_that_is_forgotten_takes_its_files_with_it(
    book: TaskBook, files: TaskArtifacts, memory: MemoryObjects
) -> None:
    await files.save("a.txt", None, b"x")
    book.rows("update par.tasks set status = 'completed', updated_at = updated_at - interval '3 days'")
    book.rows("update par.attempts set ended_at = par.now()")
    book.rows("update par.tasks set task_id = '01900000-0000-7000-8000-000000000000'")
    book.rows("update par.artifacts set task_id = '01900000-0000-7000-8000-000000000000'")
    assert await retention.forget_tasks(files.database, days=2) == 1
    assert book.rows("select * from par.artifacts") == []
    assert len(book.rows("select * from par.loose_objects where doomed")) == 1


async def test_given_files_are_read_by_name(book: TaskBook, files: TaskArtifacts) -> None:
    await files.save("a.csv", None, b"1,2")
    book.rows("update par.artifacts set direction = 'input'")
    [(name, chunks)] = await files.inputs()
    assert (name, b"".join([chunk async for chunk in chunks])) == ("a.csv", b"1,2")
