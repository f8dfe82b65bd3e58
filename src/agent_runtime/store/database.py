"""Connection pools, one per role, and the translation of PostgreSQL's errors into ours."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from agent_runtime.domain.errors import DatabaseUnavailable
from agent_runtime.store.queries import query

Row = dict[str, Any]
Connection = AsyncConnection[DictRow]
Parameters = dict[str, Any]
Role = Literal["par_api", "par_worker"]

_CHECK_SECONDS = 10.0
# What a failover, a restart or a full server answers: the transaction did not happen or may be repeated by its keys.
_OUTAGE_CLASSES = ("08", "53", "57P", "58")
_OUTAGE_CODES = frozenset({"25006", "55006", "40001", "40P01", "55P03", "57014", "25P03"})
_ROLE_OPTIONS: dict[str, str] = {
    "par_api": "-c statement_timeout=15s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s",
    # A worker's statements are few and always the same, and all go by key: their plans are made once, and a plan made
    # while a table was still small must not read it from end to end when it has grown.
    "par_worker": "-c statement_timeout=30s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s"
    " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off",
}


@dataclass(frozen=True)
class PoolOptions:
    """How many connections a pool may hold, how long (seconds) a caller waits for one, and its name in the server."""

    size: int = 10
    wait_seconds: float = 5.0
    application_name: str = "par"


def connection_options(role: Role, application_name: str) -> dict[str, Any]:
    """Arguments for psycopg: the role, its timeouts, and keepalives that notice a dead peer in about ten seconds."""
    return {
        "autocommit": True,
        "connect_timeout": 5,
        "application_name": application_name,
        "prepare_threshold": 1 if role == "par_worker" else 5,
        "options": f"-c role={role} -c search_path=par,pg_catalog -c timezone=UTC {_ROLE_OPTIONS[role]}",
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }


def is_outage(error: BaseException) -> bool:
    """Whether the database was away or gave up by itself, rather than refusing what was asked."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, psycopg.Error):
        return False
    code = error.sqlstate
    if code is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return code.startswith(_OUTAGE_CLASSES) or code in _OUTAGE_CODES


def is_data_refusal(error: BaseException) -> bool:
    """Whether PostgreSQL refused a value as data (SQLSTATE class 22), which is the fault of whoever sent it."""
    return isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith("22")


@asynccontextmanager
async def translated_errors() -> AsyncIterator[None]:
    """Turn an outage into DatabaseUnavailable; let every other error through."""
    try:
        yield
    except (psycopg.Error, PoolTimeout) as error:
        if is_outage(error):
            raise DatabaseUnavailable(f"the database cannot be reached: {_words(error)}".strip()) from error
        raise


def _words(error: BaseException) -> str:
    # A pool says the same when all its connections are busy and when it can make none.
    hint = "; it is away, or all are in use (PAR_DATABASE_POOL_SIZE)" if isinstance(error, PoolTimeout) else ""
    return f"{error}{hint}"


class Database:
    """A pool of connections under one role. Open it with `async with`."""

    def __init__(self, url: str, role: Role, options: PoolOptions | None = None) -> None:
        self.url = url
        self.role = role
        self.options = options or PoolOptions()
        self._check: asyncio.Task[None] | None = None
        self._pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
            url,
            kwargs={**connection_options(role, self.options.application_name), "row_factory": dict_row},
            min_size=1,
            max_size=self.options.size,
            timeout=self.options.wait_seconds,
            max_lifetime=300,
            max_idle=120,
            reconnect_timeout=2,
            open=False,
        )

    async def __aenter__(self) -> "Database":
        await self._pool.open(wait=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._check is not None:
            self._check.cancel()
        await self._pool.close(timeout=5)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[DictRow]]:
        """A connection in autocommit mode. Never hold it across a call to anything but the database."""
        try:
            async with translated_errors(), self._pool.connection() as connection:
                yield connection
        except DatabaseUnavailable:
            self._discard_broken()
            raise

    def _discard_broken(self) -> None:
        """After an outage every pooled connection is broken, and each would fail one more caller."""
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self._look_at_all())

    async def _look_at_all(self) -> None:
        with contextlib.suppress(psycopg.Error, PoolTimeout, TimeoutError):
            async with asyncio.timeout(_CHECK_SECONDS):
                await self._pool.check()

    @asynccontextmanager
    async def transaction(self, tenant_id: str | None = None) -> AsyncIterator[AsyncConnection[DictRow]]:
        """A transaction, of one tenant under row-level security when `tenant_id` is given."""
        async with self.connection() as connection, connection.transaction():
            if tenant_id is not None:
                await act_for(connection, tenant_id)
            yield connection

    async def fetch_all(self, room: str, name: str, parameters: Parameters | None = None) -> list[Row]:
        """Rows of one named query, in a transaction of its own."""
        async with self.connection() as connection:
            return await fetch_all(connection, room, name, parameters)

    async def tenant_rows(
        self, tenant_id: str, room: str, name: str, parameters: Parameters | None = None, *, prepare: bool | None = None
    ) -> list[Row]:
        """Rows of one named query of a tenant, as a transaction of its own, in a single round trip.

        The two statements of the pipeline are one implicit transaction that its sync commits. `prepare=False` has the
        statement planned for these very parameters, which a query with optional filters needs.
        """
        async with self.connection() as connection, connection.pipeline() as pipeline:
            await connection.execute(query("tenant", "set_tenant"), {"tenant_id": tenant_id})
            cursor = await connection.execute(
                query(room, name), {"tenant_id": tenant_id, **(parameters or {})}, prepare=prepare
            )
            await pipeline.sync()
            return await cursor.fetchall() if cursor.description else []

    async def tenant_row(
        self, tenant_id: str, room: str, name: str, parameters: Parameters | None = None
    ) -> Row | None:
        """First row of `tenant_rows`, or None."""
        rows = await self.tenant_rows(tenant_id, room, name, parameters)
        return rows[0] if rows else None

    async def fetch_one(self, room: str, name: str, parameters: Parameters | None = None) -> Row | None:
        """First row of one named query, or None."""
        rows = await self.fetch_all(room, name, parameters)
        return rows[0] if rows else None


async def act_for(connection: AsyncConnection[DictRow], tenant_id: str) -> None:
    """See and write this tenant's rows until the open transaction ends."""
    await connection.execute(query("tenant", "set_tenant"), {"tenant_id": tenant_id})


async def fetch_all(
    connection: AsyncConnection[DictRow], room: str, name: str, parameters: Parameters | None = None
) -> list[Row]:
    """Rows of the named query `name` of `sql/<room>.sql`."""
    cursor = await connection.execute(query(room, name), parameters or {})
    return await cursor.fetchall() if cursor.description else []


async def fetch_one(
    connection: AsyncConnection[DictRow], room: str, name: str, parameters: Parameters | None = None
) -> Row | None:
    """First row of the named query `name` of `sql/<room>.sql`, or None."""
    rows = await fetch_all(connection, room, name, parameters)
    return rows[0] if rows else None
