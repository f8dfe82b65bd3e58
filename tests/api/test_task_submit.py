"""Submission: what is accepted is one task, what is not writes nothing."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.conftest import AGENT

GOOD = {"agent_id": "research", "input": "x"}


async def count(api: httpx.AsyncClient) -> int:
    return len((await api.get("/v1/tasks?limit=200")).json()["items"])


async def test_a_submitted_task_is_queued_and_readable(api: httpx.AsyncClient, agent: str) -> None:
    text = 'Grüße, 世界 🎈\n\ttabs \\ and "quotes"  '
    answer = await api.post("/v1/tasks", json={"agent_id": agent, "input": text, "labels": {"team": "search"}})
    assert answer.status_code == 201
    submitted = answer.json()
    assert submitted["status"] == "queued"
    assert submitted["agent_display_name"] == "Research"
    task = (await api.get(f"/v1/tasks/{submitted['task_id']}")).json()
    assert task["input"] == text
    assert task["labels"] == {"team": "search"}
    assert task["agent_config"]["system_prompt"] == "Be brief."
    assert task["created_at"] == submitted["created_at"]
    assert task["task_id"][14] == "7"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"input": ""}, "input"),
        ({"input": None}, "input"),
        ({"input": "ä" * 51_201}, "input"),
        ({"input": "a\x00b"}, "input"),
        ({"input": 5}, "input"),
        ({"max_retries": True}, "max_retries"),
        ({"max_retries": "3"}, "max_retries"),
        ({"max_retries": 3.0}, "max_retries"),
        ({"max_retries": 11}, "max_retries"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": 10**30}, "max_retries"),
        ({"max_retries": None}, "max_retries"),
        ({"max_steps": 0}, "max_steps"),
        ({"max_steps": 1001}, "max_steps"),
        ({"task_timeout_seconds": 0}, "task_timeout_seconds"),
        ({"task_timeout_seconds": 86_401}, "task_timeout_seconds"),
        ({"priority": 10}, "priority"),
        ({"run_at": 5}, "run_at"),
        ({"run_at": "tomorrow"}, "run_at"),
        ({"run_at": "2030-01-07T08:00:00"}, "run_at"),
        ({"run_at": "2030-02-31T08:00:00Z"}, "run_at"),
        ({"labels": {"a": 1}}, "labels"),
        ({"labels": []}, "labels"),
        ({"labels": {"a\x00": "b"}}, "labels"),
        ({"budget_max": 0}, "budget_max"),
        ({"budget_max": 10**15 + 1}, "budget_max"),
        ({"worker_pool_id": "no spaces"}, "worker_pool_id"),
        ({"colour": "red"}, "colour"),
        ({"memory_mode": "sometimes"}, "memory_mode"),
        ({"callback_url": 5}, "callback_url"),
    ],
)
async def test_a_wrong_field_is_refused_by_name(
    api: httpx.AsyncClient, agent: str, change: dict[str, Any], field: str
) -> None:
    answer = await api.post("/v1/tasks", json={**GOOD, **change})
    assert answer.status_code == 422, answer.text
    assert field in answer.json()["detail"]
    assert field in [str(part) for each in answer.json()["errors"] for part in each["loc"]]
    assert await count(api) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"memory_mode": "always"},
        {"attached_memory_ids": ["019af0d0-0000-7000-8000-000000000000"]},
        {"langfuse_endpoint_id": "019af0d0-0000-7000-8000-000000000000"},
    ],
)
async def test_a_feature_of_later_is_never_accepted_and_ignored(
    api: httpx.AsyncClient, agent: str, change: dict[str, Any]
) -> None:
    answer = await api.post("/v1/tasks", json={**GOOD, **change})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["msg"] == "not available yet"
    assert answer.json()["errors"][0]["loc"] == ["body", next(iter(change))]


async def test_fields_that_ask_for_nothing_are_fine(api: httpx.AsyncClient, agent: str) -> None:
    nothing: dict[str, Any] = {
        "callback_url": None,
        "attached_memory_ids": [],
        "memory_mode": None,
        "run_at": None,
        "labels": {},
    }
    assert (await api.post("/v1/tasks", json={**GOOD, **nothing})).status_code == 201


async def test_an_input_of_exactly_100_kb_is_kept_whole(api: httpx.AsyncClient, agent: str) -> None:
    text = "ä" * 51_200
    task_id = (await api.post("/v1/tasks", json={**GOOD, "input": text})).json()["task_id"]
    assert (await api.get(f"/v1/tasks/{task_id}")).json()["input"] == text


async def test_unknown_and_disabled_agents_take_no_task(api: httpx.AsyncClient, agent: str) -> None:
    unknown = await api.post("/v1/tasks", json={**GOOD, "agent_id": "nobody"})
    assert (unknown.status_code, unknown.json()["errors"][0]["loc"]) == (404, ["body", "agent_id"])
    assert (await api.delete(f"/v1/agents/{agent}")).status_code == 204
    disabled = await api.post("/v1/tasks", json=GOOD)
    assert disabled.status_code == 409
    assert "disabled" in disabled.json()["detail"]
    assert await count(api) == 0


async def test_a_tasks_budget_is_never_above_its_agents(api: httpx.AsyncClient, agent: str) -> None:
    answer = await api.post("/v1/tasks", json={**GOOD, "budget_max": 500_001})
    assert answer.status_code == 400
    assert "budget_max" in answer.json()["detail"]
    assert (await api.post("/v1/tasks", json={**GOOD, "budget_max": 500_000})).status_code == 201


async def test_a_hundred_posts_with_one_key_make_one_task(api: httpx.AsyncClient, agent: str) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = await asyncio.gather(*[api.post("/v1/tasks", json=GOOD, headers=headers) for _ in range(100)])
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert await count(api) == 1


async def test_a_key_answers_for_one_body_only(api: httpx.AsyncClient, agent: str) -> None:
    headers = {"Idempotency-Key": "k"}
    first = await api.post("/v1/tasks", json=GOOD, headers=headers)
    other = await api.post("/v1/tasks", json={**GOOD, "input": "y"}, headers=headers)
    again = await api.post("/v1/tasks", content=b'{"input":"x",  "agent_id":"research"}',
                           headers={**headers, "Content-Type": "application/json"})  # fmt: skip
    assert (other.status_code, again.status_code, again.json()) == (422, 201, first.json())
    assert await count(api) == 1


async def test_a_failed_submission_keeps_no_answer(api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    assert (await api.post("/v1/tasks", json=GOOD, headers=headers)).status_code == 404
    await api.post("/v1/agents", json=AGENT)
    assert (await api.post("/v1/tasks", json=GOOD, headers=headers)).status_code == 201


async def test_a_batch_is_all_or_none(api: httpx.AsyncClient, agent: str) -> None:
    bad = {"tasks": [GOOD, {**GOOD, "agent_id": "nobody"}, GOOD]}
    refused = await api.post("/v1/tasks/batch", json=bad)
    assert refused.status_code == 404
    assert refused.json()["errors"][0]["loc"] == ["body", "tasks", 1, "agent_id"]
    assert await count(api) == 0
    headers = {"Idempotency-Key": "batch"}
    good = {"tasks": [{**GOOD, "input": str(n)} for n in range(150)]}
    made = await api.post("/v1/tasks/batch", json=good, headers=headers)
    assert made.status_code == 201
    assert len({item["task_id"] for item in made.json()["items"]}) == 150
    assert (await api.post("/v1/tasks/batch", json=good, headers=headers)).json() == made.json()
    batch = (await api.get(f"/v1/batches/{made.json()['batch_id']}")).json()
    assert (batch["total"], batch["counts"], batch["total_cost_microdollars"]) == (150, {"queued": 150}, 0)
    first = (await api.get(f"/v1/tasks/{made.json()['items'][0]['task_id']}")).json()
    assert (first["input"], first["batch_id"]) == ("0", made.json()["batch_id"])


@pytest.mark.parametrize("tasks", [[], [GOOD] * 1001, [{**GOOD, "priority": 10}]])
async def test_a_batch_has_1_to_1000_valid_tasks(api: httpx.AsyncClient, agent: str, tasks: list[Any]) -> None:
    assert (await api.post("/v1/tasks/batch", json={"tasks": tasks})).status_code == 422
    assert await count(api) == 0


@pytest.mark.parametrize(("limit", "most"), [("MOST_WAITING", 10), ("MOST_WAITING_TASKS", 10)])
async def test_what_is_too_much_at_once_is_told_to_come_back_and_leaves_nothing(
    api: httpx.AsyncClient, agent: str, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(f"agent_runtime.store.submit.{limit}", most)
    monkeypatch.setattr("agent_runtime.store.submit.TASKS_PER_STATEMENT", 1)
    body = {"agent_id": agent, "input": "x"}
    answers = await asyncio.gather(*(api.post("/v1/tasks", json=body) for _ in range(60)))
    refused = [answer for answer in answers if answer.status_code == 429]
    accepted = {answer.json()["task_id"] for answer in answers if answer.status_code == 201}
    assert refused
    assert len(refused) + len(accepted) == len(answers)
    assert all(answer.headers["Retry-After"] == "1" for answer in refused)
    listed = {row["task_id"] for row in (await api.get("/v1/tasks?limit=200")).json()["items"]}
    assert listed == accepted
    assert (await api.post("/v1/tasks", json=body)).status_code == 201
