"""What every store of bytes keeps to: a local folder, S3, and the fake."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent_runtime.artifacts.object_store import ObjectMissing, ObjectStore, key_of
from agent_runtime.artifacts.obstore_adapter import ObstoreObjects
from agent_runtime.config import load
from agent_runtime.domain.errors import ObjectStoreUnavailable
from agent_runtime.store.artifact import ObjectId
from tests.support.memory import watched_memory

KEY = "default/0190-task/0190-file"
MEGABYTE = 1_048_576


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def zeros(size: int) -> AsyncIterator[bytes]:
    part = bytes(65_536)
    for _ in range(size // len(part)):
        yield part


async def content(objects: ObjectStore, key: str = KEY) -> bytes:
    return b"".join([chunk async for chunk in objects.read(key)])


async def test_what_was_written_is_read(objects: ObjectStore) -> None:
    await objects.write(KEY, chunks(b"one ", b"", b"two"))
    assert await content(objects) == b"one two"


async def test_an_empty_file_is_a_file(objects: ObjectStore) -> None:
    await objects.write(KEY, chunks())
    assert await content(objects) == b""


async def test_a_file_of_several_parts_comes_back_whole(objects: ObjectStore) -> None:
    parts = [bytes([number]) * MEGABYTE for number in range(12)]
    await objects.write(KEY, chunks(*parts))
    assert await content(objects) == b"".join(parts)


async def test_an_error_of_the_content_comes_out_and_nothing_is_stored(objects: ObjectStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(6 * MEGABYTE)
        raise KeyError("the sender went away")

    with pytest.raises(KeyError, match="the sender went away"):
        await objects.write(KEY, broken())
    with pytest.raises(ObjectMissing):
        await content(objects)


async def test_a_write_that_is_cancelled_stores_nothing(objects: ObjectStore) -> None:
    started = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield bytes(6 * MEGABYTE)
        started.set()
        await asyncio.Event().wait()

    writing = asyncio.create_task(objects.write(KEY, endless()))
    await started.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    with pytest.raises(ObjectMissing):
        await content(objects)


async def test_what_is_deleted_is_gone_and_deleting_nothing_is_no_error(objects: ObjectStore) -> None:
    await objects.write(KEY, chunks(b"x"))
    await objects.delete([KEY, "default/0190-task/never", KEY])
    with pytest.raises(ObjectMissing):
        await content(objects)


@pytest.mark.parametrize("kind", ["folder_objects", "s3_objects"])
async def test_fifty_megabytes_pass_through_less_than_twenty(kind: str, request: pytest.FixtureRequest) -> None:
    objects: ObjectStore = request.getfixturevalue(kind)
    await objects.write(KEY, zeros(MEGABYTE))
    size = 0
    with watched_memory() as growth:
        await objects.write(KEY, zeros(50 * MEGABYTE))
        async for chunk in objects.read(KEY):
            size += len(chunk)
    assert size == 50 * MEGABYTE
    assert growth.highest < 20 * MEGABYTE


async def test_a_server_that_is_away_is_said_to_be_in_one_line(tmp_path: Path) -> None:
    environment = {
        "PAR_ENV_FILE": "",
        "PAR_ARTIFACT_URL": "s3://bucket",
        "PAR_ARTIFACT_ENDPOINT": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "hidden-secret",
        "AWS_REGION": "us-east-1",
    }
    objects = ObstoreObjects(load(environment, tmp_path))
    for doing in (objects.write(KEY, chunks(b"x")), content(objects), objects.delete([KEY])):
        with pytest.raises(ObjectStoreUnavailable) as caught:
            await doing
        assert "\n" not in str(caught.value)
        assert "hidden-secret" not in str(caught.value)


async def test_a_folder_that_cannot_be_made_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    objects = ObstoreObjects(load({"PAR_ENV_FILE": "", "PAR_DATA_DIR": str(tmp_path / "file")}, tmp_path))
    with pytest.raises(ObjectStoreUnavailable):
        await objects.write(KEY, chunks(b"x"))


async def test_the_folder_is_its_owners_alone(folder_objects: ObstoreObjects, tmp_path: Path) -> None:
    await folder_objects.write(KEY, chunks(b"x"))
    assert (tmp_path / "artifacts").stat().st_mode & 0o777 == 0o700


async def test_a_written_file_and_every_folder_above_it_wait_for_the_disk(
    folder_objects: ObstoreObjects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    key, fsync = key_of(ObjectId("a/b", "task", "file")), os.fsync

    def record(number: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{number}").readlink()))
        fsync(number)

    monkeypatch.setattr(os, "fsync", record)
    await folder_objects.write(key, chunks(b"x"))
    file, root = tmp_path / "artifacts" / key, tmp_path / "artifacts"
    # First the name of the store's own folder, which the first write has made.
    assert synced == [str(place) for place in (tmp_path, file, file.parent, file.parent.parent, root)]


async def test_a_disk_that_refuses_to_keep_a_file_is_a_failed_write(
    folder_objects: ObstoreObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ObjectStoreUnavailable, match="No space left"):
        await folder_objects.write(KEY, chunks(b"x"))


async def test_what_a_killed_writer_left_goes_with_its_key(folder_objects: ObstoreObjects, tmp_path: Path) -> None:
    await folder_objects.write(KEY, chunks(b"x"))
    await folder_objects.write(KEY + "-other", chunks(b"y"))
    (tmp_path / "artifacts" / f"{KEY}#1").write_bytes(b"half of it")
    await folder_objects.delete([KEY])
    left = [file.name for file in (tmp_path / "artifacts").rglob("*") if file.is_file()]
    assert left == ["0190-file-other"]


def test_a_key_is_made_of_our_ids_and_no_tenant_leaves_its_folder() -> None:
    tenants = ["default", "=64", "..", "a/b", "a%2fb", "ü"]
    keys = [key_of(ObjectId(tenant, "task", "file")) for tenant in tenants]
    assert len(set(keys)) == len(tenants)
    assert keys[0] == "default/task/file"
    assert all(key.count("/") == 2 and not key.startswith(".") and key.isascii() for key in keys)
