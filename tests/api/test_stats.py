"""What a dashboard is told: states, queue, throughput and spend, for all agents and for one."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from agent_runtime.domain.stats_range import stats_range
from tests.api.conftest import AGENT
from tests.api.stand_in_worker import StandInWorker

NOW = datetime(2026, 5, 4, 12, 34, 56, tzinfo=UTC)


async def submit(api: httpx.AsyncClient, number: int, agent_id: str = "research", **fields: object) -> list[str]:
    tasks = [{"agent_id": agent_id, "input": "x", **fields} for _ in range(number)]
    answer = await api.post("/v1/tasks/batch", json={"tasks": tasks})
    assert answer.status_code == 201, answer.text
    return [item["task_id"] for item in answer.json()["items"]]


async def test_states_queue_and_throughput_are_told_for_all_and_for_one_agent(
    api: httpx.AsyncClient, agent: str, worker: StandInWorker
) -> None:
    await api.patch(f"/v1/agents/{agent}", json={"max_concurrent_tasks": 100})
    await api.post("/v1/agents", json=AGENT | {"agent_id": "second"})
    tasks = await submit(api, 6)
    await worker.claim()
    for task_id in tasks[:3]:
        await worker.complete(task_id)
    await worker.fail(tasks[3])
    await worker.pause(tasks[4])
    await submit(api, 2)
    await submit(api, 1, "second", run_at="2099-01-01T00:00:00Z")
    stats = (await api.get("/v1/stats")).json()
    assert stats["counts"] == {
        "queued": 3, "running": 1, "waiting_for_approval": 0, "waiting_for_input": 0, "paused": 1,
        "completed": 3, "dead_letter": 1,
    }  # fmt: skip
    assert (stats["queue"]["depth"], stats["queue"]["scheduled"]) == (2, 1)
    assert stats["queue"]["oldest_age_seconds"] >= 0
    by_agent = {row["agent_id"]: (row["queued"], row["scheduled"], row["running"]) for row in stats["queue"]["agents"]}
    assert by_agent == {"research": (2, 0, 1), "second": (0, 1, 0)}
    assert (stats["throughput"]["completed"], stats["throughput"]["dead_lettered"]) == (3, 1)
    assert len(stats["throughput"]["buckets"]) in (24, 25)
    second = (await api.get("/v1/stats?agent_id=second&bucket=minute&from=" + _ago(minutes=30))).json()
    assert second["counts"]["queued"] == 1
    assert second["throughput"]["completed"] == 0
    assert second["bucket"] == "minute"
    redriven = (await api.post(f"/v1/tasks/{tasks[3]}/redrive", json={})).json()
    assert redriven["status"] == "queued"
    again = (await api.get("/v1/stats")).json()
    assert (again["counts"]["dead_letter"], again["throughput"]["dead_lettered"]) == (0, 1)


async def test_a_system_without_tasks_has_numbers_too(api: httpx.AsyncClient, agent: str) -> None:
    stats = (await api.get("/v1/stats?bucket=day&from=" + _ago(days=30))).json()
    assert set(stats["counts"].values()) == {0}
    assert stats["queue"] == {"depth": 0, "scheduled": 0, "oldest_age_seconds": None, "agents": []}
    assert len(stats["throughput"]["buckets"]) == 31
    assert stats["spend"]["cost_microdollars"] == 0
    assert (await api.get("/v1/stats?agent_id=nobody")).status_code == 404


async def test_the_buckets_hold_what_was_spent_in_them(
    api: httpx.AsyncClient, agent: str, worker: StandInWorker
) -> None:
    worker.execute(
        "insert into par.spend_minutes (tenant_id, agent_id, minute, worker_id, provider, model, cost_microdollars,"
        " calls, input_tokens, output_tokens) select 'default', 'research', date_trunc('minute', par.now())"
        " - n * interval '1 minute', 'w', 'p', 'm', 100, 1, 5, 6 from generate_series(0, 9) n"
    )
    stats = (await api.get("/v1/stats?bucket=minute&from=" + _ago(minutes=20))).json()
    assert stats["spend"]["cost_microdollars"] == 1_000
    assert [row["cost_microdollars"] for row in stats["throughput"]["buckets"]].count(100) == 10


@pytest.mark.parametrize(
    "query",
    ["from=2099-01-01T00:00:00Z", "from=yesterday", "bucket=week", "bucket=minute&from=2026-01-01T00:00:00Z", "x=1"],
)
async def test_a_range_that_cannot_be_told_is_refused(api: httpx.AsyncClient, query: str) -> None:
    answer = await api.get(f"/v1/stats?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


def test_the_default_is_a_day_of_hours() -> None:
    span = stats_range(NOW, None, None, None)
    assert (span.bucket, span.first, span.end) == ("hour", datetime(2026, 5, 3, 12, tzinfo=UTC), NOW.replace(
        hour=13, minute=0, second=0))  # fmt: skip


def test_an_end_on_the_border_of_a_step_adds_no_empty_step() -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0)
    span = stats_range(NOW, midnight - timedelta(days=10), midnight, None)
    assert (span.bucket, span.end) == ("day", midnight)


def _ago(**span: int) -> str:
    return (datetime.now(UTC) - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")
