"""A new version comes while the old one works: old and new share a database, and nothing is lost on the way.

The version before is a copy of its sources, `tests/support/previous_release.tar.xz`; each release replaces it
(`git archive <tag> src | xz -9`).
"""

import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from agent_runtime.store import migrate as migrations
from agent_runtime.store.database import Database
from agent_runtime.store.rollup import recount
from tests.faults.test_kill_worker import completed
from tests.support.database import TestServer
from tests.support.invariants import Expectation, check_everything
from tests.support.processes import ApiProcess, Fleet
from tests.support.tasks import TaskBook, calculation, script
from tests.support.waiting import eventually_sync

pytestmark = [pytest.mark.serial, pytest.mark.timeout(150)]

ARCHIVE = Path(__file__).parents[1] / "support" / "previous_release.tar.xz"
WORK = script(*(calculation(f"{n}+1") for n in range(12)), {"text": "done"}, latency_seconds=0.15)
NEW_COLUMN = (
    "9999_trial",
    "alter table par.tasks add column trial integer; alter table par.attempts add column trial integer",
)


@pytest.fixture
def old(database_server: TestServer, tmp_path: Path) -> Iterator[Fleet]:
    """Processes of the version before, on a database with its schema."""
    folder = tmp_path / "old"
    folder.mkdir()
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    url = database_server.create_empty_database()
    fleet = Fleet(url, folder, source=folder / "src")
    call = "import sys; from agent_runtime.store.migrate import migrate; migrate(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", call, url], env={"PYTHONPATH": str(fleet.source), "PATH": "/usr/bin:/bin"}, check=True
    )
    try:
        yield fleet
    finally:
        fleet.close()
        database_server.drop_database(url)


def submit(api: ApiProcess, number: int) -> list[str]:
    answers = [api.call("POST", "/v1/tasks", {"agent_id": "agent", "input": WORK}) for _ in range(number)]
    assert {answer.status for answer in answers} == {201}
    return [answer.body["task_id"] for answer in answers]


async def test_old_and_new_workers_share_a_database_while_its_schema_moves_on(old: Fleet, tmp_path: Path) -> None:
    book = TaskBook(old.url)
    book.add_agent()
    old_api, old_workers = old.api(), old.workers(2, max_concurrent_tasks=5)
    tasks = submit(old_api, 10)
    eventually_sync(lambda: book.rows("select 1 from par.checkpoints limit 1"), "the old workers work", seconds=20)
    applied = migrations.migrate(old.url)
    assert applied, "the schema moved on"
    moved_at = book.rows("select now() as now")[0]["now"]
    with_old = "select 1 from par.checkpoints where created_at > %(since)s limit 1"
    eventually_sync(lambda: book.rows(with_old, since=moved_at), "old workers go on upon the new schema", seconds=20)
    new = Fleet(old.url, tmp_path)
    try:
        new_api, _ = new.api(), new.worker("new-worker")
        tasks += submit(old_api, 4) + submit(new_api, 4)
        for worker in old_workers:
            assert worker.terminate() == 0
        eventually_sync(lambda: completed(book, tasks), "all tasks complete", seconds=60)
    finally:
        new.close()
    handed = book.rows("select count(*) as number from par.attempts where outcome = 'hand_over'")[0]["number"]
    assert handed, "the old workers handed over"
    # The old version does not count what it finishes; the counters mend themselves.
    async with Database(old.url, "par_worker") as database:
        assert await recount(database) == 1
    await check_everything(old.url, Expectation(tasks))


async def test_a_migration_behind_a_long_reader_lets_the_workers_pass(
    system: Fleet, book: TaskBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = migrations._migrations
    monkeypatch.setattr(migrations, "_migrations", lambda: [*genuine(), NEW_COLUMN])
    system.workers(2)
    tasks = [book.submit(WORK) for _ in range(6)]
    with psycopg.connect(book.url) as reader:
        reader.execute("select count(*) from par.tasks")
        applying = threading.Thread(target=migrations.migrate, args=(book.url,))
        applying.start()
        waits = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like 'alter table%%'"
        eventually_sync(lambda: book.rows(waits), "the migration waits for the reader", seconds=20)
        eventually_sync(lambda: completed(book, tasks), "the tasks complete meanwhile", seconds=60)
        assert applying.is_alive(), "the reader still holds it back"
    applying.join(30)
    assert not applying.is_alive()
    assert migrations.pending(book.url) == []
    after = book.submit(WORK)
    eventually_sync(lambda: completed(book, [after]), "the workers go on upon the new columns", seconds=30)
    await check_everything(book.url, Expectation([*tasks, after]))
