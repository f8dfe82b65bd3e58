"""PostgreSQL stopped fast, at once and killed under load: 503 and never 500, and nothing acknowledged is lost."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from agent_runtime.embedded.postgres import PostgresServer
from agent_runtime.store.migrate import migrate
from tests.faults.test_kill_worker import ten_steps
from tests.support.invariants import Expectation, Felt, check_everything
from tests.support.processes import ApiProcess, Fleet, fleet
from tests.support.tasks import Row, TaskBook
from tests.support.waiting import eventually_sync

pytestmark = pytest.mark.serial


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    """A server of this test's own, which syncs what it commits."""
    with PostgresServer(tmp_path / "postgres", durable=True) as started:
        migrate(started.url)
        yield started


STOPS = [
    pytest.param(signal.SIGINT, id="fast", marks=pytest.mark.long),
    pytest.param(signal.SIGQUIT, id="immediate", marks=pytest.mark.long),
    pytest.param(signal.SIGKILL, id="kill -9"),
]


class Client:
    """Submits without pause, each task under a key of its own, and keeps the journal of what was acknowledged."""

    def __init__(self, api: ApiProcess) -> None:
        self.statuses: Counter[int] = Counter()
        self.journal: dict[str, str] = {}
        self.without_retry_after = 0
        self._api = api
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Client":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.is_set():
            key = str(uuid4())
            text = ten_steps(key, latency=0.05, steps=4)
            while not self._stop.is_set() and not self._submit(key, text):
                time.sleep(0.05)

    def _submit(self, key: str, text: str) -> bool:
        body = {"agent_id": "priced", "input": text}
        answer = self._api.call("POST", "/v1/tasks", body, Idempotency_Key=key)
        self.statuses[answer.status] += 1
        if answer.status == 503 and "retry-after" not in answer.headers:
            self.without_retry_after += 1
        if answer.status == 201:
            self.journal[text] = answer.body["task_id"]
        return answer.status == 201


@pytest.mark.timeout(150)
@pytest.mark.parametrize("number", STOPS)
async def test_a_database_that_stops_under_load_loses_nothing(
    server: PostgresServer, tmp_path: Path, number: signal.Signals
) -> None:
    book = TaskBook(server.url)
    book.add_agent()
    book.add_priced_agent("priced")
    with fleet(server.url, tmp_path) as system:
        await _outage(system, book, server, number)


class StillOpen(list[Row]):
    """What has not ended yet; true once it is empty, so that a wait that takes too long shows what it waited for."""

    def __bool__(self) -> bool:
        return not len(self)


def still_open(book: TaskBook) -> StillOpen:
    rows = book.rows(
        "select t.task_id, t.status, t.attempt, t.retry_after, a.claimed_at, a.worker_id, a.step_count, a.ended_at,"
        " par.now() from par.tasks t left join par.attempts a using (tenant_id, task_id, attempt)"
        " where t.status not in ('completed', 'dead_letter') limit 3"
    )
    return StillOpen(rows)


async def _outage(system: Fleet, book: TaskBook, server: PostgresServer, number: signal.Signals) -> None:
    workers, api, felt = system.workers(2), system.api(), Felt()
    with Client(api) as client:
        eventually_sync(lambda: len(client.journal) > 20, "tasks are submitted", seconds=20)
        postmaster = server.process
        assert postmaster is not None
        assert postmaster.send(number)
        eventually_sync(lambda: client.statuses[503] > 3, "the API says that the database is away", seconds=20)
        postmaster.wait_gone(20)
        server.start()
        before = len(client.journal)
        eventually_sync(lambda: len(client.journal) > before + 10, "tasks are submitted again", seconds=30)
    felt.add("503", client.statuses[503])
    felt.add(
        "a worker waited",
        len(system.logged("flush_waits_for_database")) + len(system.logged("claim_waits_for_database")),
    )
    felt.require("503", "a worker waited")
    assert set(client.statuses) <= {201, 503}, client.statuses
    assert client.without_retry_after == 0
    eventually_sync(lambda: still_open(book), "all tasks end", seconds=60)
    wrong = book.rows(
        "select task_id, last_error_code, last_error_message, retry_count from par.tasks where status <> 'completed'"
    )
    assert wrong == []
    assert book.rows("select task_id from par.tasks where retry_count > 0 or crash_count > 0") == []
    assert all(worker.alive for worker in workers)
    await check_everything(book.url, Expectation(list(client.journal.values()), keyed_inputs=list(client.journal)))
