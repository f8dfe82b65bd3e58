"""What people do to tasks, in every state."""

import asyncio

import httpx

from tests.api.stand_in_worker import WORKER_ID, StandInWorker


async def status_of(api: httpx.AsyncClient, task_id: str) -> str:
    return str((await api.get(f"/v1/tasks/{task_id}")).json()["status"])


async def test_a_queued_task_can_be_cancelled_once(api: httpx.AsyncClient, task: str) -> None:
    answer = await api.post(f"/v1/tasks/{task}/cancel")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["dead_letter_reason"]) == ("dead_letter", "cancelled_by_user")
    assert body["dead_lettered_at"] is not None
    again = await api.post(f"/v1/tasks/{task}/cancel")
    assert again.status_code == 409
    assert "dead_letter" in again.json()["detail"]


async def test_a_repeated_cancel_with_its_key_answers_the_first_answer(api: httpx.AsyncClient, task: str) -> None:
    headers = {"Idempotency-Key": "stop"}
    answers = await asyncio.gather(*[api.post(f"/v1/tasks/{task}/cancel", headers=headers) for _ in range(10)])
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    events = (await api.get(f"/v1/tasks/{task}/events")).json()["items"]
    assert [event["event_type"] for event in events] == ["task_submitted", "task_cancelled"]


async def test_a_running_task_shows_its_worker_and_can_be_cancelled(
    api: httpx.AsyncClient, task: str, worker: StandInWorker
) -> None:
    await worker.claim()
    running = (await api.get(f"/v1/tasks/{task}")).json()
    assert (running["status"], running["lease_owner"]) == ("running", WORKER_ID)
    assert running["lease_expires_at"] is not None
    assert running["started_at"] is not None
    ended = (await api.post(f"/v1/tasks/{task}/cancel", json={})).json()
    assert (ended["status"], ended["lease_owner"]) == ("dead_letter", None)


async def test_a_dead_letter_is_redriven_as_the_next_run(
    api: httpx.AsyncClient, task: str, worker: StandInWorker
) -> None:
    await worker.claim()
    await worker.fail(task)
    answer = await api.post(f"/v1/tasks/{task}/redrive", headers={"Idempotency-Key": "r"})
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["retry_count"], answer.json()["run_number"]) == ("queued", 0, 2)
    again = await api.post(f"/v1/tasks/{task}/redrive", headers={"Idempotency-Key": "r"})
    assert again.json() == answer.json()
    refused = await api.post(f"/v1/tasks/{task}/redrive")
    assert refused.status_code == 409
    assert "queued" in refused.json()["detail"]
    runs = (await api.get(f"/v1/tasks/{task}/runs")).json()["items"]
    assert [(run["number"], run["kind"], run["status"]) for run in runs] == [
        (1, "submit", "dead_letter"),
        (2, "redrive", "queued"),
    ]
    assert runs[0]["started_at"] is not None
    assert runs[1]["started_at"] is None


async def test_a_redrive_that_cannot_start_where_it_is_told_says_why(
    api: httpx.AsyncClient, task: str, worker: StandInWorker
) -> None:
    path, unknown = f"/v1/tasks/{task}/redrive", "019af0d0-0000-7000-8000-000000000000"
    assert (await api.post(path, json={"from_checkpoint_id": unknown})).status_code == 409
    await worker.claim()
    await worker.fail(task)
    both = await api.post(path, json={"from_checkpoint_id": unknown, "rollback_last_checkpoint": True})
    assert (both.status_code, both.json()["errors"][0]["loc"]) == (400, ["body", "rollback_last_checkpoint"])
    missing = await api.post(path, json={"from_checkpoint_id": unknown})
    assert (missing.status_code, missing.json()["errors"][0]["loc"]) == (404, ["body", "from_checkpoint_id"])
    assert (await api.post(path, json={"from_checkpoint_id": "x"})).status_code == 422
    assert (await api.post(path, json={"input": ""})).status_code == 422
    assert (await api.post(path, json={"rollback_last_checkpoint": True})).status_code == 409
    assert (await api.get(f"/v1/tasks/{task}")).json()["status"] == "dead_letter"
    assert (await api.post(path, json={"rollback_last_checkpoint": False})).status_code == 200


async def test_a_completed_task_keeps_its_output_while_a_follow_up_runs(
    api: httpx.AsyncClient, task: str, worker: StandInWorker
) -> None:
    assert (await api.post(f"/v1/tasks/{task}/follow-up", json={"message": "And red?"})).status_code == 409
    await worker.claim()
    await worker.complete(task)
    body = (await api.post(f"/v1/tasks/{task}/follow-up", json={"message": "And red?"})).json()
    assert (body["status"], body["output"]["result"]) == ("queued", "Because.")
    assert body["input"] == "Why is the sky blue?"
    runs = (await api.get(f"/v1/tasks/{task}/runs")).json()["items"]
    assert [run["input"] for run in runs] == ["Why is the sky blue?", "And red?"]


async def test_a_task_paused_by_its_budget_resumes_only_with_room(
    api: httpx.AsyncClient, task: str, worker: StandInWorker
) -> None:
    assert (await api.post(f"/v1/tasks/{task}/resume")).status_code == 409
    await worker.claim()
    worker.execute("update par.attempts set cost_microdollars = 500000")
    await worker.pause(task)
    refused = await api.post(f"/v1/tasks/{task}/resume")
    assert refused.status_code == 409
    assert "budget" in refused.json()["detail"]
    await api.patch("/v1/agents/research", json={"budget_max_per_task": 900_000})
    resumed = await api.post(f"/v1/tasks/{task}/resume")
    assert (resumed.status_code, resumed.json()["status"]) == (200, "queued")


async def test_a_task_that_spent_its_own_budget_is_told_that_it_cannot_be_raised(
    api: httpx.AsyncClient, agent: str, worker: StandInWorker
) -> None:
    submitted = await api.post("/v1/tasks", json={"agent_id": agent, "input": "x", "budget_max": 200})
    task_id = submitted.json()["task_id"]
    await worker.claim()
    worker.execute("update par.attempts set cost_microdollars = 200")
    await worker.pause(task_id)
    refused = await api.post(f"/v1/tasks/{task_id}/resume")
    assert refused.status_code == 409
    assert "its own budget_max cannot be raised" in refused.json()["detail"]


async def test_developer_controls_expire_a_lease_and_force_a_dead_letter(
    api: httpx.AsyncClient, task: str, worker: StandInWorker
) -> None:
    assert (await api.post(f"/v1/dev/tasks/{task}/expire-lease")).status_code == 409
    await worker.claim()
    assert (await api.post(f"/v1/dev/tasks/{task}/expire-lease")).json()["status"] == "queued"
    await worker.claim()
    ended = (await api.post(f"/v1/dev/tasks/{task}/force-dead-letter")).json()
    assert (ended["status"], ended["dead_letter_reason"]) == ("dead_letter", "non_retryable_error")
    assert ended["error_fingerprint"].startswith("v1:")


async def test_dead_letters_are_listed_grouped_and_redriven(
    api: httpx.AsyncClient, agent: str, worker: StandInWorker
) -> None:
    made = await api.post("/v1/tasks/batch", json={"tasks": [{"agent_id": agent, "input": "x"}] * 5})
    task_ids = [item["task_id"] for item in made.json()["items"]]
    await worker.claim()
    for task_id in task_ids:
        await worker.fail(task_id, "x" * 5000)
    for path in ("/v1/dead-letters", "/v1/tasks/dead-letter"):
        page = (await api.get(path, params={"limit": 3, "fingerprint": "v1:abc"})).json()
        rest = (await api.get(path, params={"limit": 3, "fingerprint": "v1:abc", "cursor": page["next_cursor"]})).json()
        assert [item["task_id"] for item in page["items"] + rest["items"]] == task_ids[::-1]
        assert len(page["items"][0]["last_error_message"]) == 2048
    groups = (await api.get("/v1/dead-letters/groups")).json()["items"]
    assert [(group["fingerprint"], group["count"], group["agents"]) for group in groups] == [("v1:abc", 5, [agent])]
    some = await api.post("/v1/dead-letters/redrive", json={"task_ids": [*task_ids[:2], agent_free_id()]})
    assert some.json()["redriven"] == task_ids[:2]
    assert [each["reason"] for each in some.json()["skipped"]] == ["not_found"]
    rest_of = await api.post("/v1/dead-letters/redrive", json={"fingerprint": "v1:abc", "limit": 2})
    assert len(rest_of.json()["redriven"]) == 2
    assert (await api.post("/v1/dead-letters/redrive", json={})).status_code == 400


def agent_free_id() -> str:
    return "019af0d0-0000-7000-8000-000000000000"
