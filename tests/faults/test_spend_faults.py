"""Money when a worker dies in the middle of a call: charged at its estimate, once, and every sum agrees."""

import pytest

from tests.faults.test_kill_worker import completed, runner
from tests.support.invariants import Expectation, check_everything
from tests.support.processes import Fleet
from tests.support.tasks import TaskBook, script
from tests.support.waiting import eventually_sync

pytestmark = pytest.mark.serial


@pytest.mark.timeout(90)
async def test_a_call_under_way_when_its_worker_is_killed_is_settled_at_its_estimate(
    system: Fleet, book: TaskBook
) -> None:
    victim = system.worker("victim")
    task_id = book.submit(script({"text": "done", "latency_seconds": 3}), agent_id="priced")

    def reserved() -> int:
        rows = book.rows(
            "select reserved_microdollars from par.attempts where call_admitted or reserved_call_id is not null"
        )
        return rows[0]["reserved_microdollars"] if rows else 0

    estimate = eventually_sync(reserved, "a call is under way")
    assert runner(book, task_id) == "victim"
    victim.kill()
    system.worker("next")
    eventually_sync(lambda: completed(book, [task_id]), "the task completes elsewhere", seconds=30)
    ledger = book.rows("select cost_microdollars as cost, estimated from par.ledger order by estimated desc")
    assert [row["estimated"] for row in ledger] == [True, False]
    assert ledger[0]["cost"] == estimate
    assert book.task(task_id)["cost_microdollars"] == sum(row["cost"] for row in ledger)
    spent = book.rows("select sum(cost_microdollars)::bigint as cost from par.spend where agent_id = 'priced'")
    assert spent[0]["cost"] == sum(row["cost"] for row in ledger)
    claimed = book.rows("select details from par.events where event_type = 'task_claimed' order by sequence")
    assert claimed[-1]["details"]["previous_worker_id"] == "victim"
    await check_everything(book.url, Expectation([task_id], lost_workers=["victim"]))
