"""What has been kept long enough goes, whole; what is younger or unfinished stays."""

from datetime import UTC, datetime, timedelta

from agent_runtime.domain.identifier import highest_id_of
from agent_runtime.store import retention
from agent_runtime.store.database import Database
from agent_runtime.worker.maintenance.retain import retain
from tests.support.tasks import TaskBook
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker, book, start_worker  # noqa: F401


async def test_an_old_finished_task_goes_with_everything_of_its_own(
    book: TaskBook,  # noqa: F811
    start_worker: StartWorker,  # noqa: F811
    database_url: str,
) -> None:
    made_long_ago = highest_id_of(datetime.now(UTC) - timedelta(days=3))
    old, young = book.submit("hello", labels={"a": "b"}, task_id=made_long_ago), book.submit("hello")

    async def both_done() -> bool:
        return all(book.task(task_id)["status"] == "completed" for task_id in (old, young))

    async with start_worker():
        await eventually(both_done, "both tasks complete")
    book.rows("update par.tasks set updated_at = updated_at - interval '3 days' where task_id = %(id)s", id=old)
    async with Database(database_url, "par_worker") as database:
        assert await retention.forget_tasks(database, days=2) == 1
        assert await retention.forget_tasks(database, days=2) == 0
    tables = ("tasks", "runs", "events", "messages", "checkpoints", "checkpoint_writes", "ledger", "attempts")
    for table in (*tables, "task_labels"):
        rows = book.rows(f"select distinct task_id::text from par.{table}")
        left = {row["task_id"] for row in rows}
        assert left <= {young}, table
        assert left == {young} or table == "task_labels"


async def test_keys_of_a_busy_day_go_in_one_turn(book: TaskBook, database_url: str) -> None:  # noqa: F811
    made = "insert into par.idempotency_keys (tenant_id, idempotency_key, request_hash, created_at) select 'default',"
    book.rows(f"{made} 'old-' || n, '', par.now() - interval '25 hours' from generate_series(1, 2500) n")
    book.rows(f"{made} 'young', '', par.now() - interval '23 hours'")
    async with Database(database_url, "par_worker") as database:
        await retain(database, None)
    assert book.rows("select idempotency_key from par.idempotency_keys") == [{"idempotency_key": "young"}]
