"""Webhooks over HTTP: their values, their secrets, their log, and the callbacks of tasks."""

from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from agent_runtime.config import Settings, load
from agent_runtime.domain.webhook import DEFAULT_EVENTS
from agent_runtime.secret_box import new_master_key

URL = "http://127.0.0.1:8099/hook"
UNKNOWN = "01890a7c-2b1e-7cc3-98c4-dc0c0c07398f"


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    environment = {
        "PAR_DATABASE_URL": database_url,
        "PAR_DISCOVERY": "off",
        "PAR_MASTER_KEY": new_master_key(),
        "PAR_LOOPBACK_TARGETS": "on",
    }
    return load(environment, tmp_path)


@pytest.fixture
async def webhook(api: httpx.AsyncClient) -> dict[str, Any]:
    answer = await api.post("/v1/webhooks", json={"url": URL})
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def rows(url: str, statement: str) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


async def test_a_webhook_is_created_read_changed_and_deleted(
    api: httpx.AsyncClient, agent: str, webhook: dict[str, Any]
) -> None:
    path = f"/v1/webhooks/{webhook['webhook_id']}"
    assert webhook["secret"].startswith("whsec_")
    assert (webhook["events"], webhook["status"], webhook["kind"]) == (list(DEFAULT_EVENTS), "active", "endpoint")
    read = (await api.get(path)).json()
    assert read == {name: value for name, value in webhook.items() if name != "secret"}
    assert (await api.get("/v1/webhooks")).json()["items"] == [read]
    changed = await api.put(path, json={"url": URL, "agent_id": agent, "events": ["task_paused"], "status": "disabled"})
    assert changed.status_code == 200
    assert {name: changed.json()[name] for name in ("agent_id", "events", "status")} == {
        "agent_id": agent,
        "events": ["task_paused"],
        "status": "disabled",
    }
    assert (await api.delete(path)).status_code == 204
    assert (await api.get(path)).status_code == 404


async def test_pages_hold_every_webhook_once(api: httpx.AsyncClient) -> None:
    made = [(await api.post("/v1/webhooks", json={"url": f"{URL}/{n}"})).json()["webhook_id"] for n in range(5)]
    first = (await api.get("/v1/webhooks", params={"limit": 3})).json()
    second = (await api.get("/v1/webhooks", params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [each["webhook_id"] for each in (*first["items"], *second["items"])] == made
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "http://169.254.169.254/"}, "url"),
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"url": "http://[::ffff:10.0.0.1]/"}, "url"),
        ({"url": "http://0x7f.1/"}, "url"),
        ({"url": "http://user:pass@127.0.0.1/"}, "url"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "http://127.0.0.1:5432/"}, "url"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": ["task_exploded"]}, "events"),
        ({"url": URL, "agent_id": "missing"}, "agent_id"),
        ({"url": URL, "secret": "mine"}, "secret"),
        ({"url": "http://127.0.0.1/" + "a" * 2048}, "url"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_kept(
    api: httpx.AsyncClient, database_url: str, body: dict[str, Any], field: str
) -> None:
    answer = await api.post("/v1/webhooks", json=body)
    assert answer.status_code == 422, answer.text
    assert field in answer.json()["errors"][0]["loc"]
    assert rows(database_url, "select 1 from par.webhooks") == []
    assert rows(database_url, "select 1 from par.secrets where owner_kind = 'webhook'") == []


async def test_a_loopback_address_is_refused_where_the_system_does_not_allow_it(
    database_url: str, tmp_path: Path
) -> None:
    from agent_runtime.api.app import create_app

    environment = {"PAR_DATABASE_URL": database_url, "PAR_DISCOVERY": "off", "PAR_MASTER_KEY": new_master_key()}
    app = create_app(load(environment, tmp_path))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            answer = await client.post("/v1/webhooks", json={"url": "http://localhost:8099/"})
    assert answer.status_code == 422
    assert "127.0.0.1" not in answer.text


async def test_a_secret_is_answered_once_and_lies_nowhere_in_plain(
    api: httpx.AsyncClient, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = {"Idempotency-Key": "create-once"}
    first = await api.post("/v1/webhooks", json={"url": URL}, headers=key)
    again = await api.post("/v1/webhooks", json={"url": URL}, headers=key)
    assert (again.status_code, again.json()["webhook_id"]) == (201, first.json()["webhook_id"])
    assert again.json()["secret"] is None
    rotated = await api.post(f"/v1/webhooks/{first.json()['webhook_id']}/rotate-secret")
    assert rotated.status_code == 200
    assert rotated.json()["previous_secret_expires_at"] is not None
    secrets = [first.json()["secret"], rotated.json()["secret"]]
    assert len(set(secrets)) == 2
    held = ""
    for (table,) in rows(database_url, "select tablename from pg_tables where schemaname = 'par'"):
        held += str(rows(database_url, f"select t::text from par.{table} t"))
    printed = capsys.readouterr()
    for secret in secrets:
        assert secret.removeprefix("whsec_") not in held + printed.out + printed.err
    actions = [action for (action,) in rows(database_url, "select action from par.audit_log order by audit_id")]
    assert actions[-2:] == ["webhook_created", "webhook_secret_rotated"]


async def test_the_audit_log_tells_every_change_of_a_webhook_and_no_secret(
    api: httpx.AsyncClient, database_url: str
) -> None:
    made = (await api.post("/v1/webhooks", json={"url": URL})).json()
    path = f"/v1/webhooks/{made['webhook_id']}"
    assert (await api.put(path, json={"url": f"{URL}/other"})).status_code == 200
    turned = (await api.post(f"{path}/rotate-secret")).json()
    assert (await api.delete(path)).status_code == 204
    kept = rows(
        database_url,
        "select action, object_id, actor <> '', before::text, after::text from par.audit_log"
        " where object_kind = 'webhook' order by audit_id",
    )
    actions = ["webhook_created", "webhook_updated", "webhook_secret_rotated", "webhook_deleted"]
    assert [(action, name, known) for action, name, known, *_ in kept] == [
        (action, made["webhook_id"], True) for action in actions
    ]
    assert (URL in kept[0][4], f"{URL}/other" in kept[1][4]) == (True, True)
    for secret in (made["secret"], turned["secret"]):
        assert secret.removeprefix("whsec_") not in str(kept)


async def test_a_repeated_rotation_or_redelivery_acts_once(
    api: httpx.AsyncClient, webhook: dict[str, Any], agent: str, database_url: str
) -> None:
    path = f"/v1/webhooks/{webhook['webhook_id']}"
    task = (await api.post("/v1/tasks", json={"agent_id": agent, "input": "hello"})).json()["task_id"]
    await api.post(f"/v1/tasks/{task}/cancel")
    (delivery,) = (await api.get(f"{path}/deliveries")).json()["items"]
    rows(database_url, "update par.webhook_deliveries set status = 'failed', attempts = 9")
    redeliver = f"{path}/deliveries/{delivery['delivery_id']}/redeliver"
    sent = [await api.post(redeliver, headers={"Idempotency-Key": "again"})]
    rows(database_url, "update par.webhook_deliveries set status = 'delivered', attempts = 1")
    sent.append(await api.post(redeliver, headers={"Idempotency-Key": "again"}))
    assert [(each.status_code, each.json()["status"]) for each in sent] == [(200, "pending")] * 2
    assert rows(database_url, "select status from par.webhook_deliveries") == [("delivered",)]
    turned = [await api.post(f"{path}/rotate-secret", headers={"Idempotency-Key": "turn"}) for _ in range(2)]
    assert [each.status_code for each in turned] == [200, 200]
    assert turned[0].json()["secret"].startswith("whsec_")
    assert turned[1].json() == {**turned[0].json(), "secret": None}
    rotations = "select 1 from par.audit_log where action = 'webhook_secret_rotated'"
    assert len(rows(database_url, rotations)) == 1, "the secret that receivers know signs still"


async def test_what_belongs_to_another_tenant_is_not_found(
    api: httpx.AsyncClient, webhook: dict[str, Any], database_url: str
) -> None:
    rows(database_url, "insert into par.tenants (tenant_id, display_name) values ('other', 'Other')")
    rows(database_url, "update par.webhooks set tenant_id = 'other'")
    path = f"/v1/webhooks/{webhook['webhook_id']}"
    for answer in (
        await api.get(path),
        await api.put(path, json={"url": URL}),
        await api.delete(path),
        await api.post(f"{path}/rotate-secret"),
        await api.get(f"{path}/deliveries"),
        await api.post(f"{path}/deliveries/{UNKNOWN}/redeliver"),
    ):
        assert answer.status_code == 404


async def test_the_log_shows_deliveries_and_sends_them_again(
    api: httpx.AsyncClient, webhook: dict[str, Any], agent: str, database_url: str
) -> None:
    task = (await api.post("/v1/tasks", json={"agent_id": agent, "input": "hello"})).json()["task_id"]
    assert (await api.post(f"/v1/tasks/{task}/cancel")).status_code == 200
    path = f"/v1/webhooks/{webhook['webhook_id']}/deliveries"
    (delivery,) = (await api.get(path)).json()["items"]
    assert (delivery["event_type"], delivery["task_id"], delivery["status"]) == ("task_cancelled", task, "pending")
    rows(database_url, "update par.webhook_deliveries set status = 'failed', attempts = 9, last_error = 'x'")
    assert [each["status"] for each in (await api.get(path, params={"status": "failed"})).json()["items"]] == ["failed"]
    again = await api.post(f"{path}/{delivery['delivery_id']}/redeliver")
    assert (again.status_code, again.json()["status"], again.json()["attempts"]) == (200, "pending", 0)
    assert (await api.get(path, params={"status": "failed"})).json()["items"] == []
    assert (await api.post(f"{path}/{UNKNOWN}/redeliver")).status_code == 404


async def test_a_disabled_webhook_hears_nothing(
    api: httpx.AsyncClient, webhook: dict[str, Any], agent: str, database_url: str
) -> None:
    path = f"/v1/webhooks/{webhook['webhook_id']}"
    await api.put(path, json={"url": URL, "status": "disabled", "events": ["task_submitted"]})
    await api.post("/v1/tasks", json={"agent_id": agent, "input": "hello"})
    assert rows(database_url, "select 1 from par.webhook_deliveries") == []


async def test_a_task_with_a_callback_url_tells_its_end_there(
    api: httpx.AsyncClient, agent: str, database_url: str
) -> None:
    body = {"agent_id": agent, "input": "hello", "callback_url": "http://127.0.0.1:8098/done?task=1"}
    batch = await api.post("/v1/tasks/batch", json={"tasks": [body, {"agent_id": agent, "input": "no callback"}]})
    assert batch.status_code == 201, batch.text
    for item in batch.json()["items"]:
        await api.post(f"/v1/tasks/{item['task_id']}/cancel")
    told = rows(database_url, "select task_id::text, url, endpoint, event_type from par.webhook_deliveries")
    first = batch.json()["items"][0]["task_id"]
    assert told == [(first, body["callback_url"], "http://127.0.0.1:8098", "task_cancelled")]
    (listed,) = (await api.get("/v1/webhooks")).json()["items"]
    assert (listed["kind"], listed["url"]) == ("callback", None)
    path = f"/v1/webhooks/{listed['webhook_id']}"
    assert (await api.post(f"{path}/rotate-secret", json={})).json()["secret"].startswith("whsec_")
    assert (await api.put(path, json={"url": URL})).status_code == 422
    assert (await api.put(path, json={"events": ["task_completed"]})).status_code == 200


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://10.0.0.1/", "nonsense", "http://127.0.0.1:22/"])
async def test_a_callback_url_that_may_not_be_called_is_refused(
    api: httpx.AsyncClient, agent: str, database_url: str, url: str
) -> None:
    answer = await api.post("/v1/tasks", json={"agent_id": agent, "input": "hello", "callback_url": url})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", "callback_url"]
    assert rows(database_url, "select 1 from par.tasks") == []
