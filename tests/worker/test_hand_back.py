"""What stands in a worker's name without being run there goes back to the queue, and no try is counted."""

from functools import partial

from agent_runtime.store.claim import ClaimRequest, claim
from agent_runtime.store.database import Database
from tests.support.invariants import Expectation, check_invariants
from tests.support.tasks import TaskBook
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker


async def test_a_claim_whose_answer_was_lost_is_handed_back(
    book: TaskBook, start_worker: StartWorker, database_url: str
) -> None:
    task_id = book.submit()
    async with start_worker("worker-1", worker_pool="another"), Database(database_url, "par_worker") as database:
        assert len(await claim(database, ClaimRequest("worker-1", "shared", 1))) == 1

        async def queued_again() -> bool:
            return bool(book.task(task_id)["status"] == "queued")

        await eventually(queued_again, "the stray attempt is handed back", seconds=15)
    task = book.task(task_id)
    assert (task["retry_count"], task["crash_count"]) == (0, 0)
    assert book.events(task_id) == ["task_submitted", "task_claimed", "task_handed_over"]
    check_invariants(book.url, Expectation([task_id], settled=False))


async def test_a_session_declared_lost_comes_back_and_works_on(book: TaskBook, start_worker: StartWorker) -> None:
    before = book.submit('{"script": [{"tool": "dev_sleep", "args": {"seconds": 1}}, {"text": "done"}]}')

    async def status(task_id: str, wanted: str) -> bool:
        return bool(book.task(task_id)["status"] == wanted)

    async def online() -> bool:
        rows = book.rows("select status from par.worker_sessions where worker_id = 'worker-1'")
        return [row["status"] for row in rows] == ["online"]

    async with start_worker("worker-1"):
        await eventually(partial(status, before, "running"), "the task runs")
        book.rows("update par.worker_sessions set status = 'offline' where worker_id = 'worker-1'")
        await eventually(online, "the session is registered again")
        after = book.submit()
        for task_id in (before, after):
            await eventually(partial(status, task_id, "completed"), "the task completes", seconds=15)
    assert book.task(after)["attempt"] == 1
    check_invariants(book.url, Expectation([before, after]))
