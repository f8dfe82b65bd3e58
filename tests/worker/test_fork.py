"""A fork starts at a checkpoint of another task and runs on from there, with what it was told to change."""

from typing import Any

import httpx
import pytest

from agent_runtime.domain.identifier import new_id
from tests.api.conftest import api, app, settings
from tests.support.invariants import Expectation, check_everything
from tests.support.moves import cancel
from tests.support.tasks import TaskBook, calculation, script
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker

__all__ = ["api", "app", "settings"]
WORK = script(calculation("1+1"), calculation("2+2"), {"text": "done"})


async def completed(client: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    """The task once it has completed."""
    found: dict[str, Any] = {}

    async def there() -> bool:
        found.update((await client.get(f"/v1/tasks/{task_id}")).json())
        return bool(found["status"] == "completed")

    await eventually(there, "the task completes")
    return found


async def checkpoints(client: httpx.AsyncClient, task_id: str) -> list[dict[str, Any]]:
    """All checkpoints of a task, oldest first."""
    items: list[dict[str, Any]] = (await client.get(f"/v1/tasks/{task_id}/checkpoints?limit=200")).json()["items"]
    return items


async def fork(client: httpx.AsyncClient, task_id: str, **body: Any) -> dict[str, Any]:
    """The new task."""
    made = await client.post(f"/v1/tasks/{task_id}/fork", json=body)
    assert made.status_code == 201, made.text
    task: dict[str, Any] = made.json()
    return task


async def test_a_fork_runs_on_from_its_checkpoint_and_repeats_nothing_before_it(
    api: httpx.AsyncClient, book: TaskBook, start_worker: StartWorker
) -> None:
    book.add_priced_agent("priced")
    async with start_worker():
        source = book.submit(WORK, agent_id="priced", labels={"team": "search"}, priority=2)
        await completed(api, source)
        chosen = (await checkpoints(api, source))[2]
        made = await fork(api, source, checkpoint_id=chosen["checkpoint_id"])
        assert (made["parent_task_id"], made["forked_from"]) == (source, chosen["checkpoint_id"])
        assert (made["labels"], made["priority"], made["asks_before_unsafe"]) == ({"team": "search"}, 2, True)
        done = await completed(api, made["task_id"])
    assert done["output"]["result"] == "done"
    assert done["total_cost_microdollars"] == 2 * 140
    assert done["saved_cost_microdollars"] == 0
    own = await checkpoints(api, made["task_id"])
    assert own[0]["checkpoint_id"] == chosen["checkpoint_id"]
    assert [each["step_number"] for each in own] == list(range(chosen["step_number"], chosen["step_number"] + 4))
    assert done["checkpoint_count"] == len(own)
    assert book.events(made["task_id"])[:2] == ["task_forked", "task_claimed"]
    noted = (await api.get("/v1/audit?action=task_forked")).json()["items"]
    assert [each["object_id"] for each in noted] == [made["task_id"]]
    assert noted[0]["after"]["checkpoint_id"] == chosen["checkpoint_id"]
    assert book.events(made["task_id"]).count("model_turn") == 2
    await check_everything(book.url, Expectation([source, made["task_id"]]))


async def test_with_nothing_left_to_run_a_fork_completes_with_the_output_of_its_state(
    api: httpx.AsyncClient, book: TaskBook, start_worker: StartWorker
) -> None:
    book.add_priced_agent("priced")
    async with start_worker():
        source = book.submit(WORK, agent_id="priced")
        await completed(api, source)
        last = (await checkpoints(api, source))[-1]["checkpoint_id"]
        made = await fork(api, source, checkpoint_id=last)
        done = await completed(api, made["task_id"])
    assert (done["output"]["result"], done["total_cost_microdollars"], done["step_count"]) == ("done", 0, 0)
    await check_everything(book.url, Expectation([source, made["task_id"]]))


async def test_an_input_goes_in_at_the_checkpoint_and_the_overrides_hold_for_the_fork_alone(
    api: httpx.AsyncClient, book: TaskBook, start_worker: StartWorker
) -> None:
    book.add_priced_agent("priced")
    async with start_worker():
        source = book.submit(WORK, agent_id="priced")
        before = await completed(api, source)
        last = (await checkpoints(api, source))[-1]["checkpoint_id"]
        changes = {"model": "default", "system_prompt": "Be long.", "allowed_tools": ["calculator"]}
        made = await fork(api, source, checkpoint_id=last, agent_config=changes, input="and now?")
        done = await completed(api, made["task_id"])
        assert done["output"]["result"] == "You said: and now?"
        assert done["input"] == "and now?"
        assert done["agent_config"] == {"provider": "scripted", **changes}
        again = await fork(api, made["task_id"], checkpoint_id=last, agent_config={"system_prompt": None})
        grandchild = await completed(api, again["task_id"])
    assert grandchild["agent_config"] == {"provider": "scripted", "model": "default", "allowed_tools": ["calculator"]}
    assert (await api.get(f"/v1/tasks/{source}")).json() == before
    models = book.rows("select distinct model from par.ledger where task_id = %(id)s", id=made["task_id"])
    assert models == [{"model": "default"}]
    await check_everything(book.url, Expectation([source, made["task_id"], again["task_id"]]))


async def test_any_checkpoint_of_a_task_in_any_state_can_be_forked(
    api: httpx.AsyncClient, book: TaskBook, start_worker: StartWorker
) -> None:
    stop = script({"text": "stopped"})
    slow = script(calculation("1+1"), {"tool": "dev_sleep", "args": {"seconds": 60}}, {"text": "slept"})
    async with start_worker():
        source = book.submit(slow)

        async def asleep() -> bool:
            return book.events(source).count("tool_call") == 2

        await eventually(asleep, "the task sleeps")
        points = await checkpoints(api, source)
        running = await fork(api, source, checkpoint_id=points[0]["checkpoint_id"], input=stop)
        assert (await completed(api, running["task_id"]))["output"]["result"] == "stopped"
        cancel(book, source)
        dead = await fork(api, source, checkpoint_id=points[-1]["checkpoint_id"], input=stop)
        assert (await completed(api, dead["task_id"]))["output"]["result"] == "stopped"
    await check_everything(book.url, Expectation([source, running["task_id"], dead["task_id"]]))


async def test_a_fork_that_cannot_be_made_says_why_and_leaves_nothing(
    api: httpx.AsyncClient, book: TaskBook, start_worker: StartWorker
) -> None:
    async with start_worker():
        source = book.submit(WORK)
        await completed(api, source)
    point = (await checkpoints(api, source))[1]["checkpoint_id"]
    path = f"/v1/tasks/{source}/fork"

    async def refused(status: int, location: list[Any], **body: Any) -> None:
        answer = await api.post(path, json=body)
        assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (status, location), answer.text

    await refused(404, ["body", "checkpoint_id"], checkpoint_id=new_id())
    await refused(422, ["body", "checkpoint_id"], checkpoint_id="x")
    await refused(422, ["body", "checkpoint_id"])
    await refused(422, ["body", "input"], checkpoint_id=point, input="")
    await refused(422, ["body", "colour"], checkpoint_id=point, colour=1)
    for name, value in {"temperature": 9, "allowed_tools": ["gone"], "colour": 1, "model": "none-such"}.items():
        location = ["body", "agent_config", name, *([0] if name == "allowed_tools" else [])]
        await refused(422, location, checkpoint_id=point, agent_config={name: value})
    assert (await api.post(f"/v1/tasks/{new_id()}/fork", json={"checkpoint_id": point})).status_code == 404
    book.rows("update par.agents set status = 'disabled'")
    await refused(409, ["body", "checkpoint_id"], checkpoint_id=point)
    book.rows("update par.agents set status = 'active'")
    book.rows("update par.checkpoints set state = state || '\\x20'::bytea where checkpoint_id = %(id)s", id=point)
    corrupt = await api.post(path, json={"checkpoint_id": point})
    assert (corrupt.status_code, "checksum" in corrupt.json()["detail"]) == (409, True)
    assert book.rows("select count(*) as tasks from par.tasks") == [{"tasks": 1}]


async def test_another_tenants_task_cannot_be_forked(
    api: httpx.AsyncClient, book: TaskBook, start_worker: StartWorker
) -> None:
    book.rows("insert into par.tenants (tenant_id, display_name) values ('other', 'Other')")
    other = TaskBook(book.url, "other")
    other.add_agent()
    async with start_worker():
        source = other.submit(WORK)

        async def done() -> bool:
            return bool(other.task(source)["status"] == "completed")

        await eventually(done, "the task completes")
    point = str(other.rows("select checkpoint_id from par.checkpoints limit 1")[0]["checkpoint_id"])
    assert (await api.post(f"/v1/tasks/{source}/fork", json={"checkpoint_id": point})).status_code == 404
    own = book.submit(WORK)
    assert (await api.post(f"/v1/tasks/{own}/fork", json={"checkpoint_id": point})).status_code == 404


@pytest.mark.parametrize("messages", [10_000])
async def test_a_long_history_is_copied_without_reading_it(
    api: httpx.AsyncClient, book: TaskBook, start_worker: StartWorker, messages: int
) -> None:
    async with start_worker():
        source = book.submit(WORK)
        await completed(api, source)
    point = (await checkpoints(api, source))[-1]["checkpoint_id"]
    grow_history(book, source, messages)
    made = await fork(api, source, checkpoint_id=point)
    held = book.rows(
        "select count(*) as messages from par.messages where task_id = %(id)s and namespace = ''", id=made["task_id"]
    )
    assert held == [{"messages": messages}]


def grow_history(book: TaskBook, task_id: str, messages: int) -> None:
    """Make the newest checkpoint refer to more messages than the task has said, without saying them."""
    import json

    from agent_runtime.checkpointer.stored_form import checksum, to_bytes

    newest = book.rows("select * from par.checkpoints where task_id = %(id)s order by checkpoint_id desc", id=task_id)[
        0
    ]
    state = json.loads(bytes(newest["state"]))
    state["c"]["messages"] = ["m", [[0, messages]]]
    encoded = to_bytes(state)
    book.rows(
        "update par.checkpoints set state = %(state)s, checksum = %(checksum)s where checkpoint_id = %(id)s",
        state=encoded, checksum=checksum(encoded), id=newest["checkpoint_id"],
    )  # fmt: skip
    book.rows(
        "insert into par.messages select m.tenant_id, m.task_id, m.namespace, n, m.checksum, m.body"
        " from par.messages m, generate_series(%(first)s::int, %(last)s::int) n"
        " where m.task_id = %(id)s and m.sequence = 0 on conflict do nothing",
        id=task_id, first=1, last=messages - 1,
    )  # fmt: skip
