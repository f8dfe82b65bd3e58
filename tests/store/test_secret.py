"""Secrets at rest: sealed for one row, refused under another key, sealed anew by a rotation."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from agent_runtime.domain.errors import Conflict, SecretUnreadable, StartFailed
from agent_runtime.secret_box import new_master_key
from agent_runtime.store.database import Database
from agent_runtime.store.secret import Owner, Secrets, described, forget, prove_master_key, reseal_all

SERVER = Owner("default", "tool_server", "0190a7c2")
SECRET = "canary-91c2-token"
KEY, OTHER_KEY = new_master_key(), new_master_key()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, "par_api") as opened:
        yield opened


async def keep(database: Database, owner: Owner = SERVER, secret: str = SECRET) -> None:
    async with database.transaction(owner.tenant_id) as connection:
        await Secrets.from_setting(KEY).seal(connection, owner, "token", secret)


def everything(url: str) -> str:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select s::text, encode(ciphertext, 'escape') from par.secrets s").fetchall()
    return str(rows)


async def test_a_secret_is_kept_sealed_replaced_and_forgotten(database: Database) -> None:
    secrets = Secrets.from_setting(KEY)
    await keep(database)
    assert await secrets.open(database, SERVER, "token") == SECRET
    assert (await described(database, SERVER))["token"]["last4"] == "oken"
    assert SECRET not in everything(database.url)
    await keep(database, secret="short")
    assert await secrets.open_all(database, SERVER) == {"token": "short"}
    assert (await described(database, SERVER))["token"]["last4"] == ""
    async with database.transaction("default") as connection:
        assert await forget(connection, SERVER)
    assert await secrets.open(database, SERVER, "token") is None


async def test_a_ciphertext_moved_to_another_tenant_row_or_version_does_not_open(database: Database) -> None:
    other_row = Owner("default", "tool_server", "other")
    await keep(database)
    await keep(database, other_row, "another")
    move = "update par.secrets set {} where tenant_id = 'default' and owner_id = '0190a7c2'"
    swap = "ciphertext = (select ciphertext from par.secrets where owner_id = 'other')"
    for change, owner in (
        ("tenant_id = 'thief'", Owner("thief", "tool_server", "0190a7c2")),
        (swap, SERVER),
        ("version = version + 1", SERVER),
        ("ciphertext = substr(ciphertext, 1, length(ciphertext) - 4)", SERVER),
    ):
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute("begin")
            connection.execute(move.format(change))
            connection.execute("commit")
        with pytest.raises(SecretUnreadable):
            await Secrets.from_setting(KEY).open(database, owner, "token")
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute("delete from par.secrets where owner_id = '0190a7c2'")
        await keep(database)


async def test_a_wrong_master_key_is_refused_at_the_start(database_url: str) -> None:
    await prove_master_key(database_url, KEY)
    await prove_master_key(database_url, KEY)
    await prove_master_key(database_url, None)
    with pytest.raises(StartFailed, match="PAR_MASTER_KEY is not the key of this database"):
        await prove_master_key(database_url, OTHER_KEY)


async def test_a_database_with_secrets_is_not_started_without_its_key(database: Database) -> None:
    await prove_master_key(database.url, KEY)
    await keep(database)
    with pytest.raises(StartFailed, match="this database holds secrets"):
        await prove_master_key(database.url, None)


async def test_nothing_is_kept_without_a_master_key(database: Database) -> None:
    with pytest.raises(Conflict, match="PAR_MASTER_KEY"):
        async with database.transaction("default") as connection:
            await Secrets(None).seal(connection, SERVER, "token", SECRET)


async def test_a_rotation_seals_every_secret_of_every_tenant_anew(database: Database) -> None:
    await prove_master_key(database.url, KEY)
    owners = [Owner(f"tenant-{number % 3}", "tool_server", str(number)) for number in range(250)]
    for owner in owners:
        await keep(database, owner, f"secret-{owner.identifier}")
    assert await reseal_all(database.url, f"{OTHER_KEY},{KEY}") == 251
    assert await reseal_all(database.url, f"{OTHER_KEY},{KEY}") == 0
    await prove_master_key(database.url, OTHER_KEY)
    for owner in owners[:5]:
        assert await Secrets.from_setting(OTHER_KEY).open(database, owner, "token") == f"secret-{owner.identifier}"
    with pytest.raises(StartFailed):
        await prove_master_key(database.url, KEY)


async def test_a_rotation_that_cannot_open_everything_changes_nothing(database: Database) -> None:
    await keep(database)
    before = everything(database.url)
    with pytest.raises(SecretUnreadable):
        await reseal_all(database.url, OTHER_KEY)
    assert everything(database.url) == before
