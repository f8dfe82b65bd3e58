"""A redrive starts at the checkpoint that it is told to; the task's checkpoints stay one chain, its money adds up."""

import asyncio
from typing import Any

import httpx
import pytest

from agent_runtime.domain.people_moves import expire_lease
from tests.api.conftest import api, app, settings
from tests.support.invariants import Expectation, check_everything
from tests.support.moves import cancel, follow_up, land
from tests.support.tasks import TaskBook, calculation, script
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker
from tests.worker.test_fork import checkpoints, completed

__all__ = ["api", "app", "settings"]
REPLY = 140
SLEEP = {"tool": "dev_sleep", "args": {"seconds": 60}}
# Two calculations, then a call that does not come to an end, in which the task is cancelled.
WORK = script(calculation("1+1"), calculation("2+2"), SLEEP, {"text": "done"})
STOP = script({"text": "stopped"})


@pytest.fixture
def book(database_url: str) -> TaskBook:
    """The database of this test, with an agent whose every reply costs 140 microdollars."""
    book = TaskBook(database_url)
    book.add_priced_agent("agent")
    return book


async def dead_letter(book: TaskBook, text: str = WORK, calls: int = 3) -> str:
    """A task that was cancelled in its last tool call."""
    task_id = book.submit(text)
    await cancelled(book, task_id, calls)
    return task_id


async def cancelled(book: TaskBook, task_id: str, calls: int) -> None:
    async def asleep() -> bool:
        return book.events(task_id).count("tool_call") == calls

    await eventually(asleep, "the task sleeps")
    assert cancel(book, task_id)


async def redriven(client: httpx.AsyncClient, task_id: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(f"/v1/tasks/{task_id}/redrive", json=body)
    assert answer.status_code == 200, answer.text
    task: dict[str, Any] = answer.json()
    return task


async def test_a_run_from_an_earlier_checkpoint_does_again_what_came_after_it(
    api: httpx.AsyncClient, book: TaskBook, start_worker: StartWorker
) -> None:
    async with start_worker():
        task_id = await dead_letter(book)
        chain = await checkpoints(api, task_id)
        chosen = chain[2]
        for version in ("1", "999"):
            book.rows(
                "insert into par.channel_values values ('default', %(id)s, '', 'notes', %(version)s, 0, '')",
                id=task_id, version=version,
            )  # fmt: skip
        told = await redriven(api, task_id, from_checkpoint_id=chosen["checkpoint_id"], input=STOP)
        assert (told["checkpoint_count"], told["status"]) == (3, "queued")
        done = await completed(api, task_id)
        await check_everything(book.url, Expectation([task_id]))
    assert done["output"]["result"] == "stopped"
    assert book.rows("select version from par.channel_values") == [{"version": "1"}]
    kept = await checkpoints(api, task_id)
    assert [each["checkpoint_id"] for each in kept[:3]] == [each["checkpoint_id"] for each in chain[:3]]
    assert {each["checkpoint_id"] for each in kept}.isdisjoint(each["checkpoint_id"] for each in chain[3:])
    assert (done["checkpoint_count"], done["total_cost_microdollars"]) == (len(kept), 4 * REPLY)
    assert done["saved_cost_microdollars"] == REPLY
    noted = (await api.get("/v1/audit?action=task_redriven")).json()["items"][0]
    assert (noted["object_id"], noted["after"]["removed_checkpoints"]) == (task_id, len(chain) - 3)
    event = next(each for each in (await api.get(f"/v1/tasks/{task_id}/events")).json()["items"] if each["details"])
    assert event["event_type"] == "task_redriven"
    assert event["details"] == {
        "from_checkpoint_id": chosen["checkpoint_id"],
        "removed_checkpoints": len(chain) - 3,
        "removed_steps": len(chain) - 3,
    }


async def test_steps_taken_back_are_done_and_paid_again(
    api: httpx.AsyncClient, book: TaskBook, start_worker: StartWorker
) -> None:
    async with start_worker():
        task_id = await dead_letter(book)
        first = (await checkpoints(api, task_id))[0]["checkpoint_id"]
        await redriven(api, task_id, from_checkpoint_id=first)
        await cancelled(book, task_id, 6)
        task = book.task(task_id)
        assert (task["cost_microdollars"], task["saved_cost_microdollars"]) == (6 * REPLY, 0)
        await check_everything(book.url, Expectation([task_id]))
        await redriven(api, task_id, input=STOP)
        done = await completed(api, task_id)
    assert (done["total_cost_microdollars"], done["saved_cost_microdollars"]) == (7 * REPLY, 3 * REPLY)
    await check_everything(book.url, Expectation([task_id]))


async def test_a_rollback_takes_back_one_checkpoint_at_a_time_down_to_the_input(
    api: httpx.AsyncClient, book: TaskBook, start_worker: StartWorker
) -> None:
    async with start_worker() as worker:
        task_id = await dead_letter(book)
        chain = [each["checkpoint_id"] for each in await checkpoints(api, task_id)]
        worker.stop()
    for left in range(len(chain) - 1, -1, -1):
        await redriven(api, task_id, rollback_last_checkpoint=True)
        assert [each["checkpoint_id"] for each in await checkpoints(api, task_id)] == chain[:left]
        assert cancel(book, task_id)
        await check_everything(book.url, Expectation([task_id]))
    none_left = await api.post(f"/v1/tasks/{task_id}/redrive", json={"rollback_last_checkpoint": True})
    assert none_left.status_code == 409
    await redriven(api, task_id)
    async with start_worker("worker-2"):
        await cancelled(book, task_id, 6)
    assert book.task(task_id)["cost_microdollars"] == 6 * REPLY
    await check_everything(book.url, Expectation([task_id]))


async def test_a_rollback_of_the_checkpoint_that_took_in_a_message_gives_the_message_again(
    api: httpx.AsyncClient, book: TaskBook, start_worker: StartWorker
) -> None:
    async with start_worker():
        task_id = book.submit(script(calculation("1+1"), {"text": "first"}))
        await completed(api, task_id)
        before = len(await checkpoints(api, task_id))
        assert follow_up(book, task_id, script(SLEEP))
        await cancelled(book, task_id, 2)
        after = await checkpoints(api, task_id)
        await redriven(api, task_id, from_checkpoint_id=after[before]["checkpoint_id"])
        await cancelled(book, task_id, 3)
        # Back to where the first run had ended: the follow-up's message is left behind, and nothing is left to do.
        await redriven(api, task_id, from_checkpoint_id=after[before - 1]["checkpoint_id"])
        done = await completed(api, task_id)
        assert (done["output"]["result"], done["run_number"]) == ("first", 4)
        assert follow_up(book, task_id, "and now?")
        spoken = await answered(api, task_id, 5)
    assert spoken["output"]["result"] == "You said: and now?"
    await check_everything(book.url, Expectation([task_id]))


async def answered(client: httpx.AsyncClient, task_id: str, run_number: int) -> dict[str, Any]:
    found: dict[str, Any] = {}

    async def there() -> bool:
        found.update((await client.get(f"/v1/tasks/{task_id}")).json())
        return bool(found["status"] == "completed" and found["run_number"] == run_number)

    await eventually(there, "the run completes")
    return found


async def test_what_each_recovery_saves_counts_once(
    api: httpx.AsyncClient, book: TaskBook, start_worker: StartWorker
) -> None:
    async with start_worker():
        task_id = await dead_letter(book)
        for attempt in (2, 4):
            await redriven(api, task_id)
            await running(book, task_id, attempt)
            assert land(book, expire_lease("default", task_id))
            await running(book, task_id, attempt + 1)
            assert cancel(book, task_id)
        assert book.task(task_id)["saved_cost_microdollars"] == 3 * REPLY
        await redriven(api, task_id, input=STOP)
        done = await completed(api, task_id)
        assert (done["total_cost_microdollars"], done["saved_cost_microdollars"]) == (4 * REPLY, 3 * REPLY)
        # What completed is safe: a follow-up saves nothing by itself, and its own redrive saves its own steps only.
        assert follow_up(book, task_id, script(calculation("1+1"), SLEEP))
        await cancelled(book, task_id, 5)
        await redriven(api, task_id, input=STOP)
        done = await answered(api, task_id, book.task(task_id)["run_number"])
    assert (done["total_cost_microdollars"], done["saved_cost_microdollars"]) == (7 * REPLY, 5 * REPLY)
    await check_everything(book.url, Expectation([task_id]))


async def running(book: TaskBook, task_id: str, attempt: int) -> None:
    async def claimed() -> bool:
        task = book.task(task_id)
        return bool(task["status"] == "running" and task["attempt"] == attempt)

    await eventually(claimed, "the task runs again")


async def test_of_many_redrives_at_once_one_wins_and_removes_once(
    api: httpx.AsyncClient, book: TaskBook, start_worker: StartWorker
) -> None:
    async with start_worker() as worker:
        task_id = await dead_letter(book)
        chain = await checkpoints(api, task_id)
        worker.stop()
    bodies: list[dict[str, Any]] = [{"from_checkpoint_id": each["checkpoint_id"]} for each in chain]
    bodies += [{"rollback_last_checkpoint": True}] * 4 + [{}] * 4
    answers = await asyncio.gather(*(api.post(f"/v1/tasks/{task_id}/redrive", json=body) for body in bodies))
    assert sorted({answer.status_code for answer in answers}) == [200, 409]
    assert [answer.status_code for answer in answers].count(200) == 1
    assert book.task(task_id)["run_number"] == 2
    await check_everything(book.url, Expectation([task_id], settled=False))


async def test_two_redrives_of_many_share_the_tasks_and_tell_the_rest(
    api: httpx.AsyncClient, book: TaskBook, start_worker: StartWorker
) -> None:
    ids = [book.submit(STOP) for _ in range(20)]
    assert all(cancel(book, task_id) for task_id in ids)
    both = await asyncio.gather(*(api.post("/v1/dead-letters/redrive", json={"task_ids": ids}) for _ in range(2)))
    won = [set(answer.json()["redriven"]) for answer in both]
    assert won[0] | won[1] == set(ids)
    assert not won[0] & won[1]
    for answer, mine in zip(both, won, strict=True):
        skipped = {each["task_id"]: each["reason"] for each in answer.json()["skipped"]}
        assert skipped == dict.fromkeys(set(ids) - mine, "queued")
    await check_everything(book.url, Expectation(ids, settled=False))
