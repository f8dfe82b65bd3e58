"""Migrations are safe while others work: indexes are built beside writers, and an interrupted build begins anew."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from agent_runtime.store.migrate import migrate
from tests.support.tasks import TaskBook
from tests.support.waiting import eventually_sync

NAME = "0048_labels_by_name"
MADE = "select indexdef from pg_indexes where indexname = 'task_labels_by_name'"
WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%%create index%%'"
LABEL = "insert into par.task_labels (tenant_id, task_id, label, value) values ('default', %s, %s, 'x')"


@pytest.fixture
def lacking(book: TaskBook) -> Iterator[TaskBook]:
    """A database of the release before the index of labels by name."""
    book.rows("drop index par.task_labels_by_name")
    book.rows("delete from par.migrations where name = %(name)s", name=NAME)
    yield book
    assert "(tenant_id, label, task_id)" in book.rows(MADE)[0]["indexdef"]
    assert not book.rows("select indexrelid from pg_index where not indisvalid")


def test_writers_go_on_while_an_index_is_built(lacking: TaskBook) -> None:
    task_id = lacking.submit()
    told: list[str] = []
    with (
        ThreadPoolExecutor() as threads,
        psycopg.connect(lacking.url) as slow,
        psycopg.connect(lacking.url) as quick,
    ):
        slow.execute(LABEL, (task_id, "slow"))
        building = threads.submit(migrate, lacking.url, told.append)
        eventually_sync(lambda: lacking.rows(WAITING)[0]["count"] == 1, "the build waits for the slow writer")
        quick.execute("set lock_timeout = '200ms'")
        quick.execute(LABEL, (task_id, "quick"))
        quick.commit()
        assert not building.done()
        slow.commit()
        assert building.result(timeout=20) == [NAME]
    assert [NAME in line and "waits" in line for line in told] == [True]


def test_what_an_interrupted_build_left_is_made_anew(lacking: TaskBook) -> None:
    lacking.rows("create index task_labels_by_name on par.task_labels (value)")
    assert migrate(lacking.url) == [NAME]


def test_of_those_that_migrate_at_once_one_does_it(lacking: TaskBook) -> None:
    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(migrate, [lacking.url] * 4))
    assert sorted(applied) == [[], [], [], [NAME]]
