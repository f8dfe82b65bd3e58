"""Lists of tasks: filters, pages, cursors."""

import httpx
import pytest

from tests.api.conftest import AGENT
from tests.api.stand_in_worker import StandInWorker


@pytest.fixture
async def many(api: httpx.AsyncClient, agent: str, worker: StandInWorker) -> list[str]:
    """Ids, oldest first: two dead letters, two completed, three queued with a label, one of another agent."""
    await api.post("/v1/agents", json={**AGENT, "agent_id": "writer", "display_name": "The Writer"})
    first = await api.post("/v1/tasks/batch", json={"tasks": [{"agent_id": agent, "input": "x" * 9000}] * 4})
    made = [item["task_id"] for item in first.json()["items"]]
    await worker.claim()
    for task_id in made[:2]:
        await worker.fail(task_id)
    for task_id in made[2:]:
        await worker.complete(task_id, "ä" * 9000)
    labelled = {"agent_id": agent, "input": "x", "labels": {"team": "a=b", "n": "1"}}
    more = [labelled] * 3 + [{"agent_id": "writer", "input": "y"}]
    answer = await api.post("/v1/tasks/batch", json={"tasks": more})
    return made + [item["task_id"] for item in answer.json()["items"]]


async def ids(api: httpx.AsyncClient, query: str, limit: int = 2) -> list[str]:
    """All ids of a list, page by page, newest first."""
    found: list[str] = []
    cursor = ""
    while True:
        page = (await api.get(f"/v1/tasks?limit={limit}&{query}{cursor}")).json()
        assert len(page["items"]) <= limit
        found += [item["task_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


async def test_every_filter_finds_what_it_says(api: httpx.AsyncClient, many: list[str]) -> None:
    newest = many[::-1]
    task = (await api.get(f"/v1/tasks/{many[3]}")).json()
    created = task["created_at"].replace("Z", "%2B00:00")
    expected = {
        "": newest,
        "status=queued": newest[:4],
        "status=queued&status=dead_letter": newest[:4] + newest[6:],
        "agent_id=writer": newest[:1],
        "agent_id=research&status=completed": newest[4:6],
        "agent_id=nobody": [],
        "dead_letter_reason=non_retryable_error": newest[6:],
        "pause_reason=budget_per_task": [],
        f"batch_id={task['batch_id']}": newest[4:],
        f"batch_id={task['batch_id']}&status=completed": newest[4:6],
        f"batch_id={task['batch_id']}&label=n": [],
        "label=n": newest[1:4],
        "label=n=1": newest[1:4],
        "label=n=2": [],
        "label=team=a=b&status=queued": newest[1:4],
        "label=n&status=queued&status=paused": newest[1:4],
        "label=n&status=completed&pause_reason=budget_per_task": [],
        f"created_after={created}": newest[:4],
        f"created_before={created}": [],
        "q=writ": newest[:1],
        "q=The W": newest[:1],
        "q=resea": newest[1:],
        f"q={many[5]}": [many[5]],
        f"q={many[5].upper()}&status=queued": [many[5]],
        "q=zzz": [],
    }
    for query, wanted in expected.items():
        assert await ids(api, query) == wanted, query


async def test_rows_are_cut_and_single_reads_are_whole(api: httpx.AsyncClient, many: list[str]) -> None:
    row = next(item for item in (await api.get("/v1/tasks")).json()["items"] if item["task_id"] == many[3])
    assert "agent_config" not in row
    assert len(row["input"]) == 2048
    assert len(row["output"]["result"].encode()) == 2048
    whole = (await api.get(f"/v1/tasks/{many[3]}")).json()
    assert (len(whole["input"]), whole["output"]["result"]) == (9000, "ä" * 9000)
    assert set(whole) - set(row) == {"agent_config"}


async def test_a_cursor_is_bound_to_its_list_and_filters(api: httpx.AsyncClient, many: list[str]) -> None:
    cursor = (await api.get("/v1/tasks?limit=2&status=queued")).json()["next_cursor"]
    for path in (
        "/v1/tasks?limit=2",
        "/v1/tasks?status=completed",
        "/v1/tasks?status=queued&agent_id=research",
        "/v1/dead-letters?limit=2",
        "/v1/agents?limit=2",
        f"/v1/tasks/{many[0]}/events?limit=2",
        "/v1/workers?limit=2",
        "/v1/models?limit=2",
        "/v1/human-requests?limit=2",
        "/v1/tools?limit=1",
    ):
        answer = await api.get(
            path, params=None if cursor is None else {**httpx.QueryParams(httpx.URL(path).query), "cursor": cursor}
        )
        assert answer.status_code == 422, path
        assert answer.json()["errors"][0]["loc"] == ["query", "cursor"]
    assert (await api.get(f"/v1/tasks?limit=1&status=queued&cursor={cursor}")).status_code == 200


@pytest.mark.parametrize("cursor", ["e30", "W10", "bnVsbA", "WyIiXQ", "!!!!", "ä", "W251bGxd", "x" * 1999])
async def test_garbage_is_no_cursor(api: httpx.AsyncClient, cursor: str) -> None:
    for path in ("/v1/tasks", "/v1/dead-letters", "/v1/agents", "/v1/workers"):
        assert (await api.get(path, params={"cursor": cursor})).status_code == 422


@pytest.mark.parametrize(
    ("path", "name"),
    [("/v1/tasks", "pause_reason"), ("/v1/tasks", "dead_letter_reason"), ("/v1/dead-letters", "reason")],
)
async def test_a_reason_that_does_not_exist_is_refused(api: httpx.AsyncClient, path: str, name: str) -> None:
    answer = await api.get(path, params={name: "bad_luck"})
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["query", name])


async def test_times_of_creation_are_exact_though_ids_only_tell_the_millisecond(
    api: httpx.AsyncClient, many: list[str], worker: StandInWorker
) -> None:
    # The database's clock may differ from that of the API that made the ids.
    worker.execute("update par.tasks set created_at = '2020-01-01T00:00:00.000500Z' where task_id = %s", many[0])
    when = (await api.get(f"/v1/tasks/{many[5]}")).json()["created_at"]
    worker.execute("update par.tasks set created_at = %s::timestamptz + interval '50 seconds' where task_id = %s",
                   when, many[5])  # fmt: skip
    assert await ids(api, f"created_after={when}&status=queued&label=n") == [many[5]]
    assert many[5] not in await ids(api, f"created_before={when}")
    assert await ids(api, "created_before=1969-01-01T00:00:00Z") == []
    assert await ids(api, "created_after=9998-01-01T00:00:00Z") == []
