"""`kill -9` of a worker that is saving a file: never a row without bytes, and exactly one file in the end."""

import hashlib
from pathlib import Path

import pytest

from agent_runtime.artifacts.obstore_adapter import ObstoreObjects
from agent_runtime.artifacts.sweep import sweep
from agent_runtime.config import load
from agent_runtime.store.database import Database
from tests.faults.test_kill_worker import completed
from tests.support.invariants import Expectation, check_everything
from tests.support.processes import Fleet
from tests.support.tasks import TaskBook, script
from tests.support.waiting import eventually_sync

pytestmark = pytest.mark.serial

TEXT = "all work and no play " * 150_000
# Reached at each megabyte; by the third one a part of the file is on the disk.
POINTS = {"artifact.writing": 3, "artifact.stored": 1, "artifact.named": 1}


def stored(folder: Path) -> list[Path]:
    return [file for file in (folder / "artifacts").rglob("*") if file.is_file()]


def named(book: TaskBook) -> list[str]:
    return [str(row["artifact_id"]) for row in book.rows("select artifact_id from par.artifacts")]


@pytest.mark.timeout(90)
@pytest.mark.parametrize("point", POINTS)
async def test_a_worker_killed_while_it_saves_a_file_leaves_exactly_one(
    system: Fleet, book: TaskBook, tmp_path: Path, point: str
) -> None:
    folder = tmp_path / "data"
    system.environment["PAR_DATA_DIR"] = str(folder)
    book.add_agent("writer", config={"allowed_tools": ["create_text_artifact"]})
    victim = system.worker("victim", fault=f"{point}:{POINTS[point]}:stop")
    call = {"tool": "create_text_artifact", "args": {"filename": "play.txt", "content": TEXT}}
    task_id = book.submit(script(call, {"text": "saved"}), agent_id="writer")
    eventually_sync(lambda: f"fault point {point}: stop" in victim.text, "the victim stops while it saves")
    half = stored(folder)
    assert half, "the fault was felt: bytes are there"
    assert set(named(book)) <= {file.name for file in half}, "no row without its bytes"
    victim.kill()
    system.worker("rescuer")
    eventually_sync(lambda: completed(book, [task_id]), "the task completes", seconds=30)

    assert book.task(task_id)["attempt"] == 2
    settings = load({"PAR_ENV_FILE": "", "PAR_DATA_DIR": str(folder)})
    async with Database(book.url, "par_worker") as database:
        removed = await sweep(database, ObstoreObjects(settings), older_than_seconds=0)
    assert removed == (0 if point == "artifact.named" else 1)
    (file,) = stored(folder)
    assert named(book) == [file.name]
    assert file.read_bytes() == TEXT.encode()
    (row,) = book.rows("select encode(sha256, 'hex') as sha256, size_bytes, filename from par.artifacts")
    assert row == {
        "sha256": hashlib.sha256(TEXT.encode()).hexdigest(), "size_bytes": len(TEXT), "filename": "play.txt",
    }  # fmt: skip
    assert book.rows("select * from par.loose_objects") == []
    await check_everything(book.url, Expectation([task_id], lost_workers=["victim"]))
