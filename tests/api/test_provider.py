"""Keys of providers: kept by the operator, used by workers, shown to nobody."""

from pathlib import Path

import httpx
import psycopg
import pytest

from agent_runtime.api.app import create_app
from agent_runtime.config import Settings, load
from agent_runtime.models.providers import Providers
from agent_runtime.secret_box import new_master_key
from agent_runtime.store.database import Database
from agent_runtime.store.provider_key import kept_keys
from agent_runtime.store.secret import Secrets
from tests.api.access import client_with, locked_settings, make_key

CANARY = "sk-canary-7d20c1f3"


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    environment = {
        "PAR_DATABASE_URL": database_url,
        "PAR_DISCOVERY": "off",
        "PAR_MASTER_KEY": new_master_key(),
        "ANTHROPIC_API_KEY": "from-environment",
    }
    return load(environment, tmp_path)


async def test_a_key_is_kept_used_and_never_shown(
    api: httpx.AsyncClient, settings: Settings, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await api.put("/v1/providers/openai/key", json={"api_key": CANARY})
    assert (answer.status_code, answer.json()["api_key_set"], answer.json()["key_from"]) == (200, True, "database")
    assert answer.json()["api_key_last4"] == "c1f3"
    listed = await api.get("/v1/providers")
    assert {each["provider"]: each["key_from"] for each in listed.json()["items"]} == {
        "openai": "database",
        "anthropic": "environment",
        "google": None,
    }
    providers = Providers.from_environment({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"})
    async with Database(database_url, "par_worker") as database:
        keys = await kept_keys(database, Secrets.from_setting(settings.master_key))
        assert providers.use_kept_keys(keys)
        assert not providers.use_kept_keys(keys)
        openai = providers.get("openai")
        assert openai is not None
        assert (openai.api_key, openai.base_url) == (CANARY, "http://127.0.0.1:1/v1")
        assert CANARY not in repr(openai)
        assert (await api.delete("/v1/providers/openai/key")).status_code == 204
        assert providers.use_kept_keys(await kept_keys(database, Secrets.from_setting(settings.master_key)))
        assert not providers.is_configured("openai")
    printed = capsys.readouterr()
    assert CANARY not in answer.text + listed.text + printed.out + printed.err


async def test_another_tenant_sees_nothing_of_the_operators_key(database_url: str) -> None:
    app = create_app(locked_settings(database_url, master_key=new_master_key()))
    async with app.router.lifespan_context(app), Database(database_url, "par_api") as database:
        keys = [await make_key(database, tenant_id, roles=["admin"]) for tenant_id in ("default", "other")]
        async with client_with(app, keys[0]) as own, client_with(app, keys[1]) as other:
            assert (await own.put("/v1/providers/openai/key", json={"api_key": CANARY})).status_code == 200
            assert (await other.put("/v1/providers/openai/key", json={"api_key": CANARY})).status_code == 403
            assert (await other.delete("/v1/providers/openai/key")).status_code == 403
            seen = (await own.get("/v1/providers")).json()["items"][0]
            assert (await other.get("/v1/providers")).status_code == 403
    assert (seen["api_key_set"], seen["api_key_last4"]) == (True, CANARY[-4:])


async def test_no_table_holds_the_key_in_plain(api: httpx.AsyncClient, database_url: str) -> None:
    key = {"Idempotency-Key": "once"}
    assert (await api.put("/v1/providers/google/key", json={"api_key": CANARY}, headers=key)).status_code == 200
    with psycopg.connect(database_url) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'par'").fetchall()
        for (table,) in tables:
            rows = connection.execute(f"select t::text from par.{table} t").fetchall()
            assert CANARY not in str(rows), table
            assert CANARY.encode().hex() not in str(rows), table
        audited = connection.execute("select actor, object_id from par.audit_log where action = 'provider_key_set'")
        assert audited.fetchall() == [("operator", "google")]


async def test_the_environment_wins_over_a_kept_key() -> None:
    providers = Providers.from_environment({"ANTHROPIC_API_KEY": "from-environment"})
    providers.use_kept_keys({"anthropic": CANARY, "unknown": CANARY})
    anthropic = providers.get("anthropic")
    assert anthropic is not None
    assert anthropic.api_key == "from-environment"
    assert not providers.is_configured("unknown")


@pytest.mark.parametrize(
    "body", [{}, {"api_key": ""}, {"api_key": "with space"}, {"api_key": "x", "y": 1}, {"api_key": 5}]
)
async def test_a_key_that_is_not_one_is_refused_without_being_repeated(
    api: httpx.AsyncClient, body: dict[str, object]
) -> None:
    answer = await api.put("/v1/providers/openai/key", json=body)
    assert answer.status_code == 422
    assert "with space" not in answer.text


async def test_a_provider_without_a_key_of_this_kind_is_not_found(api: httpx.AsyncClient) -> None:
    assert (await api.put("/v1/providers/bedrock/key", json={"api_key": "x"})).status_code == 404
    assert (await api.delete("/v1/providers/openai/key")).status_code == 404


async def test_nothing_is_kept_without_a_master_key(database_url: str, tmp_path: Path) -> None:
    app = create_app(load({"PAR_DATABASE_URL": database_url, "PAR_DISCOVERY": "off"}, tmp_path))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            answer = await client.put("/v1/providers/openai/key", json={"api_key": CANARY})
    assert answer.status_code == 409
    assert "PAR_MASTER_KEY" in answer.json()["detail"]
