"""Spend as clients read it: exact against the ledger, by UTC days, whatever its age and however late it came."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import psycopg
import pytest

from agent_runtime.store.database import Database
from agent_runtime.store.rollup import roll_up
from tests.api.conftest import AGENT


@pytest.fixture
async def workers(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, "par_worker") as database:
        yield database


class Books:
    """Writes spend of the past as a worker would have."""

    def __init__(self, url: str) -> None:
        self._url = url

    def spend(self, age: str, cost: int, *, agent: str = "research", model: str = "priced", calls: int = 1) -> None:
        """A minute's counter of so long ago; `age` is an interval before the database's now, or a time."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(
                "insert into par.spend_minutes (tenant_id, agent_id, minute, worker_id, provider, model,"
                " cost_microdollars, calls, input_tokens, output_tokens) values ('default', %s,"
                " date_trunc('minute', case when %s like '%%T%%' then %s else (par.now() - %s::interval)::text end"
                "::timestamptz), %s, 'scripted', %s, %s, %s, 10, 2)",
                (agent, age, age, "0" if "T" in age else age, str(uuid4()), model, cost, calls),
            )

    def one(self, statement: str) -> int:
        with psycopg.connect(self._url) as connection:
            row = connection.execute(statement.encode()).fetchone()
            assert row is not None
            return int(row[0])


@pytest.fixture
def books(database_url: str) -> Books:
    return Books(database_url)


async def test_an_agents_spend_is_told_by_span_and_model(api: httpx.AsyncClient, agent: str, books: Books) -> None:
    await api.patch(f"/v1/agents/{agent}", json={"budget_max_per_hour": 1_000})
    books.spend("1 minute", 100)
    books.spend("2 minutes", 50, model="other")
    books.spend("61 minutes", 7)
    books.spend("20 days", 1_000)
    books.spend("31 days", 5_000)
    spend = (await api.get(f"/v1/agents/{agent}/spend")).json()
    assert spend["last_hour"]["cost_microdollars"] == 150
    assert [(row["model"], row["cost_microdollars"]) for row in spend["last_hour"]["by_model"]] == [
        ("priced", 100),
        ("other", 50),
    ]
    assert spend["last_30_days"]["cost_microdollars"] == 1_157
    assert (spend["budget_max_per_hour"], spend["remaining_this_hour"]) == (1_000, 850)
    assert spend["last_30_days"]["calls"] == 4


async def test_the_spend_of_an_agent_that_never_called_is_nothing(api: httpx.AsyncClient, agent: str) -> None:
    spend = (await api.get(f"/v1/agents/{agent}/spend")).json()
    for span in ("last_hour", "today", "last_30_days"):
        assert (spend[span]["cost_microdollars"], spend[span]["calls"], spend[span]["by_model"]) == (0, 0, [])
    assert (await api.get("/v1/agents/nobody/spend")).status_code == 404


async def test_rolling_up_changes_no_answer(
    api: httpx.AsyncClient, agent: str, books: Books, workers: Database
) -> None:
    for age, cost in (("1 minute", 1), ("30 minutes", 20), ("70 minutes", 300), ("9 days", 4_000), ("50 days", 50_000)):
        books.spend(age, cost)
        books.spend(age, cost, model="other")
    asked = [f"/v1/agents/{agent}/spend", "/v1/costs", "/v1/costs?group_by=model", "/v1/costs?group_by=day"]
    before = [await _spent(api, path) for path in asked]
    assert await roll_up(workers) > 0
    assert [await _spent(api, path) for path in asked] == before
    assert books.one("select count(*) from par.spend_minutes") == 4
    assert books.one("select count(*) from par.spend_hours") == 2
    assert books.one("select count(*) from par.spend_days") == 4
    assert books.one("select sum(cost_microdollars) from par.spend") == 2 * 54_321
    assert await roll_up(workers) == 0


async def _spent(api: httpx.AsyncClient, path: str) -> object:
    answer = (await api.get(path)).json()
    for span in ("last_hour", "today", "last_30_days"):
        answer.get(span, {}).pop("since", None)
    return answer


async def test_what_is_settled_late_joins_a_day_that_was_rolled_up(
    api: httpx.AsyncClient, agent: str, books: Books, workers: Database
) -> None:
    books.spend("20 days", 100)
    await roll_up(workers)
    books.spend("20 days", -30)
    books.spend("20 days", 5)
    await roll_up(workers)
    rows = (await api.get("/v1/costs?group_by=day")).json()["items"]
    assert [row["cost_microdollars"] for row in rows] == [75]
    assert rows[0]["calls"] == 3


async def test_costs_are_those_of_utc_days(api: httpx.AsyncClient, agent: str, books: Books) -> None:
    books.spend("2026-03-01T23:59:00Z", 1)
    books.spend("2026-03-02T00:00:00Z", 20)
    books.spend("2026-03-02T23:30:00-05:00", 300)
    rows = (await api.get("/v1/costs?from=2026-03-01&to=2026-03-03")).json()["items"]
    assert [(row["day"], row["cost_microdollars"]) for row in rows] == [
        ("2026-03-01", 1),
        ("2026-03-02", 20),
        ("2026-03-03", 300),
    ]
    only = (await api.get("/v1/costs?from=2026-03-02T10:00:00Z&to=2026-03-02")).json()
    assert (only["total_cost_microdollars"], len(only["items"])) == (20, 1)


async def test_costs_page_by_key_and_narrow_by_agent_and_model(
    api: httpx.AsyncClient, agent: str, books: Books
) -> None:
    assert (await api.post("/v1/agents", json=AGENT | {"agent_id": "second"})).status_code == 201
    for day in (1, 2, 3):
        for who in ("research", "second"):
            for model in ("a", "b"):
                books.spend(f"2026-03-0{day}T10:00:00Z", day, agent=who, model=model)
    path = "/v1/costs?from=2026-03-01&to=2026-03-31&limit=5"
    seen = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await api.get(path + (f"&cursor={cursor}" if cursor else ""))).json()
        assert page["total_cost_microdollars"] == 24
        seen += [(row["day"], row["agent_id"], row["model"]) for row in page["items"]]
        cursor = page["next_cursor"]
    assert len(seen) == 12
    assert seen == sorted(set(seen))
    narrowed = (await api.get(f"{path}&agent_id=second&model=b&group_by=agent")).json()
    assert [(row["agent_id"], row["model"], row["cost_microdollars"]) for row in narrowed["items"]] == [
        ("second", None, 6)
    ]


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "from=2026-03-02&to=2026-03-01", "from=2020-01-01&to=2026-01-01", "group_by=hour", "x=1"],
)
async def test_a_range_that_is_none_is_refused(api: httpx.AsyncClient, query: str) -> None:
    answer = await api.get(f"/v1/costs?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["loc"][0] == "query"
