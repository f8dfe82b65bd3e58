"""Stores of every kind, and tasks whose files lie in one."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agent_runtime.artifacts.memory_objects import MemoryObjects
from agent_runtime.artifacts.object_store import ObjectStore
from agent_runtime.artifacts.obstore_adapter import ObstoreObjects
from agent_runtime.artifacts.task_artifacts import TaskArtifacts
from agent_runtime.config import load
from tests.support.attempts import Desk, HandAttempt, desk
from tests.support.object_server import running_object_server, settings_with_bucket
from tests.support.tasks import TaskBook


@pytest.fixture(scope="session")
def object_server() -> Iterator[str]:
    """Address of an S3 server."""
    with running_object_server() as address:
        yield address


@pytest.fixture
def folder_objects(tmp_path: Path) -> ObstoreObjects:
    """Objects in a folder."""
    return ObstoreObjects(load({"PAR_ENV_FILE": "", "PAR_DATA_DIR": str(tmp_path)}, tmp_path))


@pytest.fixture
def s3_objects(object_server: str, tmp_path: Path) -> ObstoreObjects:
    """Objects in a bucket."""
    return ObstoreObjects(settings_with_bucket(object_server, tmp_path))


@pytest.fixture(params=["folder", "s3", "memory"])
def objects(request: pytest.FixtureRequest) -> ObjectStore:
    """A store of each kind."""
    if request.param == "memory":
        return MemoryObjects()
    found: ObjectStore = request.getfixturevalue(f"{request.param}_objects")
    return found


@pytest.fixture
def book(database_url: str) -> TaskBook:
    """The database of this test, with the agent `agent`."""
    book = TaskBook(database_url)
    book.add_agent()
    return book


@pytest.fixture
async def ours(book: TaskBook) -> AsyncIterator[Desk]:
    """Claims and writes by hand."""
    async with desk(book.url) as made:
        yield made


@pytest.fixture
def memory() -> MemoryObjects:
    """A store that can be told to fail."""
    return MemoryObjects()


def files_of(ours: Desk, objects: ObjectStore, attempt: HandAttempt) -> TaskArtifacts:
    """The files of a claimed task as its tools see them."""
    task = attempt.task
    return TaskArtifacts(ours.database, objects, task.tenant_id, task.task_id, task.run_number, task.attempt)
