"""Agents: what can be saved, what cannot, and the history of configurations."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import AGENT
from tests.api.stand_in_worker import StandInWorker
from tests.support.waiting import eventually

CONFIG = AGENT["agent_config"]
ANY_ID = "019af0d0-0000-7000-8000-000000000000"


async def test_an_agent_is_created_read_changed_and_disabled(api: httpx.AsyncClient, agent: str) -> None:
    made = (await api.get(f"/v1/agents/{agent}")).json()
    assert (made["max_concurrent_tasks"], made["budget_max_per_task"], made["budget_max_per_hour"]) == (
        5,
        500_000,
        5_000_000,
    )
    assert made["agent_config"] == CONFIG
    patch = {"agent_config": {"temperature": 0.5, "system_prompt": None}, "budget_max_per_task": None}
    changed = (await api.patch(f"/v1/agents/{agent}", json=patch)).json()
    assert changed["agent_config"] == {"provider": "scripted", "model": "default", "temperature": 0.5}
    assert (changed["budget_max_per_task"], changed["version"], changed["config_version"]) == (None, 2, 2)
    replaced = (await api.put(f"/v1/agents/{agent}", json={"agent_config": CONFIG})).json()
    assert (replaced["agent_config"], replaced["budget_max_per_task"], replaced["config_version"]) == (
        CONFIG,
        500_000,
        3,
    )
    assert (await api.delete(f"/v1/agents/{agent}")).status_code == 204
    assert (await api.delete(f"/v1/agents/{agent}")).status_code == 204
    assert (await api.get(f"/v1/agents/{agent}")).json()["status"] == "disabled"
    assert (await api.patch(f"/v1/agents/{agent}", json={"status": "active"})).json()["status"] == "active"


async def test_a_tasks_configuration_is_the_one_it_was_submitted_under(api: httpx.AsyncClient, task: str) -> None:
    await api.patch("/v1/agents/research", json={"agent_config": {"system_prompt": "Be long."}})
    assert (await api.get(f"/v1/tasks/{task}")).json()["agent_config"]["system_prompt"] == "Be brief."


async def test_an_earlier_configuration_can_be_restored(api: httpx.AsyncClient, agent: str) -> None:
    await api.patch(f"/v1/agents/{agent}", json={"agent_config": {"system_prompt": "Two."}})
    restored = (await api.post(f"/v1/agents/{agent}/versions/1/restore")).json()
    assert restored["agent_config"]["system_prompt"] == "Be brief."
    versions = (await api.get(f"/v1/agents/{agent}/versions")).json()["items"]
    assert [(each["version"], each["agent_config"]["system_prompt"]) for each in versions] == [
        (1, "Be brief."),
        (2, "Two."),
        (3, "Be brief."),
    ]
    assert (await api.post(f"/v1/agents/{agent}/versions/9/restore")).status_code == 404
    assert (await api.post(f"/v1/agents/{agent}/versions/x/restore")).status_code == 404


async def test_the_history_says_who_and_when(api: httpx.AsyncClient, agent: str) -> None:
    await api.patch(f"/v1/agents/{agent}", json={"agent_config": {"system_prompt": "Two."}})
    versions = (await api.get(f"/v1/agents/{agent}/versions")).json()["items"]
    assert all(each["created_by"] and each["created_at"] for each in versions)


async def test_a_configuration_that_cannot_run_any_more_is_not_restored(
    api: httpx.AsyncClient, agent: str, worker: StandInWorker
) -> None:
    worker.execute(
        'update par.agent_versions set agent_config = agent_config || \'{"allowed_tools": ["gone"]}\''
        " where config_version = 1"
    )
    await api.patch(f"/v1/agents/{agent}", json={"agent_config": {"allowed_tools": None}})
    refused = await api.post(f"/v1/agents/{agent}/versions/1/restore")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["loc"] == ["body", "agent_config", "allowed_tools", 0]


async def test_a_task_shows_which_version_it_runs(api: httpx.AsyncClient, task: str) -> None:
    await api.patch("/v1/agents/research", json={"agent_config": {"system_prompt": "Be long."}})
    second = (await api.post("/v1/tasks", json={"agent_id": "research", "input": "x"})).json()["task_id"]
    shown = [(await api.get(f"/v1/tasks/{each}")).json()["agent_config_version"] for each in (task, second)]
    listed = {row["task_id"]: row["agent_config_version"] for row in (await api.get("/v1/tasks")).json()["items"]}
    assert shown == [listed[task], listed[second]] == [1, 2]


async def test_queued_tasks_of_a_disabled_agent_wait(api: httpx.AsyncClient, task: str, worker: StandInWorker) -> None:
    await api.delete("/v1/agents/research")
    assert await worker.claim() == []
    assert (await api.get(f"/v1/tasks/{task}")).json()["status"] == "queued"
    await api.patch("/v1/agents/research", json={"status": "active"})
    assert [str(row["task_id"]) for row in await worker.claim()] == [task]


async def test_an_id_is_made_from_the_name_and_is_unique(api: httpx.AsyncClient) -> None:
    body = {"display_name": "Ünser Agent No. 1!", "agent_config": CONFIG}
    made = await api.post("/v1/agents", json=body)
    assert made.json()["agent_id"] == "unser-agent-no-1"
    assert (await api.post("/v1/agents", json=body)).status_code == 409
    keyed = {"Idempotency-Key": "k"}
    first = await api.post("/v1/agents", json={"agent_config": CONFIG}, headers=keyed)
    again = await api.post("/v1/agents", json={"agent_config": CONFIG}, headers=keyed)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"agent_id": "Big"}, "agent_id"),
        ({"agent_id": "a" * 65}, "agent_id"),
        ({"agent_id": ""}, "agent_id"),
        ({"agent_id": "a\n"}, "agent_id"),
        ({"display_name": ""}, "display_name"),
        ({"display_name": "x" * 201}, "display_name"),
        ({"max_concurrent_tasks": 0}, "max_concurrent_tasks"),
        ({"max_concurrent_tasks": True}, "max_concurrent_tasks"),
        ({"budget_max_per_task": 0}, "budget_max_per_task"),
        ({"budget_max_per_hour": 1.5}, "budget_max_per_hour"),
        ({"status": "asleep"}, "status"),
        ({"version": 1}, "version"),
        ({"agent_config": None}, "agent_config"),
    ],
)
async def test_a_wrong_agent_field_is_refused_by_name(
    api: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    answer = await api.post("/v1/agents", json={**AGENT, **change})
    assert answer.status_code == 422, answer.text
    assert field in answer.json()["errors"][0]["loc"]
    assert (await api.get("/v1/agents")).json()["items"] == []


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"provider": "nobody"}, "provider", "there is no provider"),
        ({"provider": ""}, "provider", ""),
        ({"model": "no-such-model"}, "model", "has no model"),
        ({"provider": "openai", "model": "gpt-99-imaginary"}, "model", "has no model"),
        ({"temperature": 2.1}, "temperature", ""),
        ({"temperature": True}, "temperature", ""),
        ({"temperature": "1"}, "temperature", ""),
        ({"max_output_tokens": 0}, "max_output_tokens", ""),
        ({"system_prompt": "x" * 51_201}, "system_prompt", "over the limit"),
        ({"allowed_tools": ["hammer"]}, "allowed_tools", "no built-in tool"),
        ({"allowed_tools": ["calculator", "calculator"]}, "allowed_tools", "twice"),
        ({"allowed_tools": "calculator"}, "allowed_tools", ""),
        ({"tool_policies": {"request_human_input": {"policy": "ask"}}}, "tool_policies", "asks a person anyway"),
        ({"tool_policies": {"calculator": {"policy": "maybe"}}}, "tool_policies", ""),
        ({"tool_policies": {"crm__delete": {"idempotent": True}}}, "tool_policies", "tool_servers do not name"),
        ({"tool_policies": {"hammer": {}}}, "tool_policies", "neither"),
        ({"human_input_timeout_seconds": 0}, "human_input_timeout_seconds", ""),
        ({"langfuse_endpoint_id": ANY_ID}, "langfuse_endpoint_id", "not available yet"),
        ({"langfuse_endpoint_id": "x"}, "langfuse_endpoint_id", "UUID"),
        ({"fallback_models": [{"provider": "none-such", "model": "m"}]}, "fallback_models", "there is no provider"),
        ({"fallback_models": [{"provider": "scripted", "model": "default"}]}, "fallback_models", "own model"),
        ({"tool_servers": ["crm"]}, "tool_servers", "no tool server"),
        ({"allowed_tools": ["sandbox_exec"]}, "allowed_tools", "sandbox.enabled"),
        ({"sandbox": {"enabled": True, "provider": "cloud"}}, "sandbox", "must be one of"),
        ({"sandbox": {"enabled": True, "provider": "e2b"}}, "sandbox", "E2B_API_KEY"),
        ({"sandbox": {"enabled": True, "template": "python"}}, "sandbox", "no templates"),
        ({"sandbox": {"enabled": True, "timeout_seconds": 5}}, "sandbox", "at least 30"),
        ({"sandbox": {"vcpu": "2"}}, "sandbox", ""),
        ({"context_management": {}}, "context_management", "not available yet"),
        ({"planning": True}, "planning", "not available yet"),
        ({"memory": {"enabled": True}}, "memory", "not available yet"),
        ({"output_schema": {"type": "object"}}, "output_schema", "not available yet"),
        ({"graph": "my.module:graph"}, "graph", "not available yet"),
        ({"graph": "rm -rf"}, "graph", ""),
        ({"mood": "good"}, "mood", ""),
    ],
)
async def test_a_configuration_that_cannot_be_kept_is_refused_by_name(
    api: httpx.AsyncClient, agent: str, change: dict[str, Any], field: str, message: str
) -> None:
    body = {**AGENT, "agent_id": "other", "agent_config": {**CONFIG, **change}}
    answers = [await api.post("/v1/agents", json=body)]
    answers.append(await api.patch(f"/v1/agents/{agent}", json={"agent_config": change}))
    for answer in answers:
        assert answer.status_code == 422, answer.text
        error = answer.json()["errors"][0]
        assert error["loc"][:3] == ["body", "agent_config", field]
        assert message in error["msg"]
    assert (await api.get("/v1/agents/other")).status_code == 404


async def test_what_asks_for_nothing_is_accepted(api: httpx.AsyncClient) -> None:
    nothing = {"sandbox": None, "tool_servers": [], "fallback_models": [], "planning": False, "graph": None,
               "human_input_timeout_seconds": 86_400, "tool_policies": {"calculator": {"policy": "auto"}},
               "allowed_tools": ["calculator", "dev_sleep"]}  # fmt: skip
    answer = await api.post("/v1/agents", json={**AGENT, "agent_config": {**CONFIG, **nothing}})
    assert answer.status_code == 201, answer.text


async def test_known_models_without_a_key_can_be_saved(api: httpx.AsyncClient) -> None:
    async def listed() -> list[Any]:
        items: list[Any] = (await api.get("/v1/models?provider=openai&limit=1")).json()["items"]
        return items

    models = await eventually(listed, "the catalog of models")
    config = {"provider": "openai", "model": models[0]["model_id"]}
    answer = await api.post("/v1/agents", json={**AGENT, "agent_config": config})
    assert answer.status_code == 201, answer.text


async def test_a_stale_version_is_a_conflict(api: httpx.AsyncClient, agent: str) -> None:
    assert (await api.patch(f"/v1/agents/{agent}", json={"version": 1, "display_name": "New"})).status_code == 200
    assert (await api.patch(f"/v1/agents/{agent}", json={"version": 1, "display_name": "Newer"})).status_code == 409
    assert (await api.put("/v1/agents/nobody", json={"agent_config": CONFIG})).status_code == 404


async def test_agents_are_listed_by_page_without_their_configuration(api: httpx.AsyncClient) -> None:
    for number in range(5):
        await api.post("/v1/agents", json={**AGENT, "agent_id": f"a{number}"})
    first = (await api.get("/v1/agents?limit=3")).json()
    rest = (await api.get("/v1/agents", params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [each["agent_id"] for each in first["items"] + rest["items"]] == ["a0", "a1", "a2", "a3", "a4"]
    assert rest["next_cursor"] is None
    assert "agent_config" not in first["items"][0]
