"""The audit log keeps what was done, in the transaction that did it, without secrets, and nobody can change it."""

import psycopg
import pytest

from agent_runtime.store import audit
from agent_runtime.store.audit import ORIGIN, AuditFilter, Origin
from agent_runtime.store.database import Connection, Database, Role
from tests.support.tasks import TaskBook


async def note(connection: Connection, object_id: str, actor: str = "operator") -> None:
    await audit.record(connection, "default", actor, "agent_updated", "agent", object_id, {"a": 1}, {"a": 2})


async def test_a_row_tells_who_did_what_from_where(database_url: str) -> None:
    token = ORIGIN.set(Origin("192.0.2.1", "r1"))
    async with Database(database_url, "par_api") as database:
        async with database.transaction("default") as connection:
            before = {"same": 1, "config": {"model": "a", "prompt": "x"}}
            after = {"same": 1, "config": {"model": "b", "prompt": "x"}}
            await audit.record(connection, "default", "ann", "agent_updated", "agent", "research", before, after)
        [row] = await audit.page(database, "default", AuditFilter(), None, 10)
    ORIGIN.reset(token)
    assert (row["actor"], row["action"], row["object_kind"], row["object_id"]) == (
        "ann", "agent_updated", "agent", "research",
    )  # fmt: skip
    assert (row["address"], row["request_id"]) == ("192.0.2.1", "r1")
    assert (row["before"], row["after"]) == ({"config": {"model": "a"}}, {"config": {"model": "b"}})


async def test_what_is_rolled_back_leaves_no_row(database_url: str) -> None:
    async with Database(database_url, "par_api") as database:
        with pytest.raises(psycopg.errors.DivisionByZero):  # noqa: PT012
            async with database.transaction("default") as connection:
                await note(connection, "research")
                await connection.execute(b"select 1 / 0")
        assert await audit.page(database, "default", AuditFilter(), None, 10) == []


@pytest.mark.parametrize("role", ["par_api", "par_worker"])
@pytest.mark.parametrize("statement", [b"update par.audit_log set actor = 'x'", b"delete from par.audit_log"])
async def test_a_row_cannot_be_changed(database_url: str, role: Role, statement: bytes) -> None:
    async with Database(database_url, role) as database:
        async with database.transaction("default") as connection:
            await note(connection, "research")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with database.transaction("default") as connection:
                await connection.execute(statement)


async def test_pages_go_by_key_and_filters_narrow(database_url: str) -> None:
    async with Database(database_url, "par_api") as database:
        async with database.transaction("default") as connection:
            for number in range(5):
                await note(connection, f"a{number}", "ann" if number % 2 else "bob")
        first = await audit.page(database, "default", AuditFilter(), None, 2)
        rest = await audit.page(database, "default", AuditFilter(), str(first[-1]["audit_id"]), 10)
        assert [row["object_id"] for row in first + rest] == ["a4", "a3", "a2", "a1", "a0"]
        found = await audit.page(database, "default", AuditFilter(actor="ann"), None, 10)
        assert [row["object_id"] for row in found] == ["a3", "a1"]
        found = await audit.page(database, "default", AuditFilter(object_kind="agent", object_id="a2"), None, 10)
        assert [row["actor"] for row in found] == ["bob"]


def test_each_filter_has_an_index(database_url: str) -> None:
    indexes = TaskBook(database_url).rows("select indexdef from pg_indexes where tablename = 'audit_log'")
    text = " ".join(row["indexdef"] for row in indexes)
    for columns in ("tenant_id, audit_id", "tenant_id, actor, audit_id", "tenant_id, action, audit_id",
                    "tenant_id, object_kind, object_id, audit_id"):  # fmt: skip
        assert f"({columns})" in text
