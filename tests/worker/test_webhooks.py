"""Notifications reach their receivers signed, survive what receivers do, and never hold up a task."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest

from agent_runtime.domain.webhook import DEFAULT_EVENTS
from agent_runtime.secret_box import new_master_key
from agent_runtime.store import webhook as store
from agent_runtime.store.database import Database
from agent_runtime.store.secret import Secrets
from agent_runtime.store.webhook import Author, WebhookValues
from agent_runtime.store.webhook_delivery import tidy_up
from tests.support.model_server_http import Request
from tests.support.raw_server import Answer, RawServer, plain, raw_server
from tests.support.tasks import TaskBook
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker

KEY = new_master_key()
AUTHOR = Author("default", "tester")
SETTINGS = {"master_key": KEY, "loopback_targets": "on"}
Create = Callable[..., Awaitable[tuple[str, str]]]


@pytest.fixture
async def database(database_url: str, book: TaskBook) -> AsyncIterator[Database]:
    async with Database(database_url, "par_api") as opened:
        yield opened


@pytest.fixture
def create(database: Database) -> Create:
    """Makes a webhook; gives its id and secret."""

    async def made(url: str, events: tuple[str, ...] = DEFAULT_EVENTS, agent_id: str | None = None) -> tuple[str, str]:
        async with database.transaction("default") as connection:
            values = WebhookValues(url, agent_id, events)
            row, secret = await store.insert_webhook(connection, AUTHOR, Secrets.from_setting(KEY), values)
        return str(row["webhook_id"]), secret

    return made


def answers(*statuses: int) -> Answer:
    """One status after another, the last one for ever."""
    left = list(statuses)

    async def write(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(plain(left.pop(0) if len(left) > 1 else left[0]))

    return write


async def hang(_: Request, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def deliveries(book: TaskBook) -> list[dict[str, object]]:
    return book.rows("select * from par.webhook_deliveries where tenant_id = 'default' order by created_at, sequence")


async def soon(look: Callable[[], object], *, seconds: float = 10.0) -> None:
    """Wait until it is so."""

    async def asked() -> object:
        return look()

    await eventually(asked, "what the log and the receiver should show", seconds=seconds)


def _has(receiver: RawServer, requests: int) -> bool:
    return len(receiver.requests) == requests


def _failed_with(book: TaskBook, status: int) -> bool:
    return deliveries(book)[0]["last_status_code"] == status


def hurry(book: TaskBook) -> None:
    """Let the waits between attempts pass."""
    book.rows("update par.webhook_deliveries set next_attempt_at = now() where status = 'pending' and attempts > 0")
    book.rows("update par.webhook_circuits set blocked_until = null")


def is_signed(request: Request, secret: str) -> bool:
    """Computed here from the documented rule, not by the code under test."""
    key = base64.b64decode(secret.split("_", 1)[1])
    message = b".".join(
        [request.headers["webhook-id"].encode(), request.headers["webhook-timestamp"].encode(), request.body]
    )
    expected = "v1," + base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()
    return expected in request.headers["webhook-signature"].split(" ")


async def test_the_end_of_a_task_is_told_signed_and_without_its_content(
    book: TaskBook, create: Create, start_worker: StartWorker
) -> None:
    async with raw_server(answers(204)) as receiver, start_worker(**SETTINGS):
        _, secret = await create(receiver.url("/hook"))
        task_id = book.submit("canary-input")
        await soon(lambda: receiver.requests)
        request = receiver.requests[0]
        await soon(lambda: deliveries(book)[0]["status"] == "delivered")
    told = request.json()
    assert (told["task_id"], told["event_type"], told["status"]) == (task_id, "task_completed", "completed")
    assert set(told) == {"task_id", "agent_id", "tenant_id", "event_type", "status", "sequence", "created_at"}
    assert (request.method, request.path, request.headers["content-type"]) == ("POST", "/hook", "application/json")
    assert is_signed(request, secret)
    assert not is_signed(request, "whsec_" + base64.b64encode(b"x" * 32).decode())
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 60
    assert b"canary-input" not in request.body
    assert len(receiver.requests) == 1


async def test_only_what_was_asked_for_is_told(book: TaskBook, create: Create, start_worker: StartWorker) -> None:
    book.add_agent("other")
    async with raw_server(answers(200)) as receiver, start_worker(**SETTINGS):
        await create(receiver.url("/all"), ("task_submitted", "task_claimed", "task_completed"))
        await create(receiver.url("/other"), agent_id="other")
        book.submit()
        await soon(lambda: len(receiver.requests) == 3)
        book.submit(agent_id="other")
        await soon(lambda: len(receiver.requests) == 7)
    told = sorted((request.path, request.json()["event_type"]) for request in receiver.requests)
    assert told.count(("/all", "task_completed")) == 2
    assert [each for each in told if each[0] == "/other"] == [("/other", "task_completed")]


async def test_two_secrets_sign_after_a_rotation(
    book: TaskBook, create: Create, database: Database, start_worker: StartWorker
) -> None:
    async with raw_server(answers(200)) as receiver, start_worker(**SETTINGS):
        webhook_id, old = await create(receiver.url())
        async with database.transaction("default") as connection:
            _, new = await store.rotate_secret(connection, AUTHOR, Secrets.from_setting(KEY), webhook_id, 3600)
        book.submit()
        await soon(lambda: len(receiver.requests) == 1)
        async with database.transaction("default") as connection:
            _, newest = await store.rotate_secret(connection, AUTHOR, Secrets.from_setting(KEY), webhook_id, 0)
        book.submit()
        await soon(lambda: len(receiver.requests) == 2)
    first, second = receiver.requests
    assert is_signed(first, old)
    assert is_signed(first, new)
    assert is_signed(second, newest)
    assert not is_signed(second, new)


async def test_a_delivery_that_fails_is_sent_again_under_the_same_id(
    book: TaskBook, create: Create, start_worker: StartWorker
) -> None:
    async with raw_server(answers(500, 302, 429, 200)) as receiver, start_worker(**SETTINGS):
        await create(receiver.url())
        book.submit()
        for attempt, status in enumerate((500, 302, 429), 1):
            await soon(partial(_has, receiver, attempt))
            # The failure of this attempt: only with it comes the wait that is to pass.
            await soon(partial(_failed_with, book, status))
            hurry(book)
        await soon(lambda: deliveries(book)[0]["status"] == "delivered")
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert deliveries(book)[0]["attempts"] == 4


async def test_a_statement_that_tells_of_many_tasks_tells_each_receiver_of_its_own(
    book: TaskBook, create: Create, start_worker: StartWorker
) -> None:
    book.add_agent("other")
    async with raw_server(answers(204)) as every, raw_server(answers(204)) as one, start_worker(**SETTINGS):
        for_all, _ = await create(every.url())
        for_one, _ = await create(one.url(), agent_id="other")
        tasks = [book.submit() for _ in range(12)]
        others = [book.submit(agent_id="other") for _ in range(12)]
        await soon(lambda: len(deliveries(book)) == 36 and {row["status"] for row in deliveries(book)} == {"delivered"})
    told = [(str(row["webhook_id"]), str(row["task_id"])) for row in deliveries(book)]
    assert sorted(told) == sorted(
        [(for_all, task) for task in [*tasks, *others]] + [(for_one, task) for task in others]
    )


async def test_a_redirect_is_not_followed(book: TaskBook, create: Create, start_worker: StartWorker) -> None:
    async with raw_server(answers(200)) as other:

        async def redirect(_: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(plain(307, location=other.url()))

        async with raw_server(redirect) as receiver, start_worker(**SETTINGS):
            await create(receiver.url())
            book.submit()
            await soon(lambda: deliveries(book) and deliveries(book)[0]["last_error"])
    assert deliveries(book)[0]["last_error"] == "the receiver answered 307"
    assert other.connections == 0


async def test_a_dead_receiver_holds_up_neither_tasks_nor_other_receivers(
    book: TaskBook, create: Create, start_worker: StartWorker
) -> None:
    async with raw_server(hang) as dead, raw_server(answers(200)) as alive, start_worker(**SETTINGS):
        await create(dead.url())
        await create(alive.url())
        tasks = [book.submit() for _ in range(20)]
        await soon(lambda: len(alive.requests) == 20, seconds=30)
        done = book.rows("select count(*) as n from par.tasks where status = 'completed'")[0]["n"]
        assert done == len(tasks)
        assert 1 <= dead.connections < 8


async def test_a_receiver_that_keeps_failing_is_left_alone(
    book: TaskBook, create: Create, start_worker: StartWorker
) -> None:
    async with raw_server(answers(500)) as receiver, start_worker(**SETTINGS):
        await create(receiver.url())
        for _ in range(12):
            book.submit()

        def blocked() -> bool:
            return bool(book.rows("select 1 from par.webhook_circuits where blocked_until > now()"))

        await soon(blocked)
        await soon(lambda: book.rows("select 1 from par.tasks where status <> 'completed'") == [])
    assert len(receiver.requests) < 12


async def test_an_address_that_is_no_longer_allowed_is_refused_at_use(
    book: TaskBook, create: Create, start_worker: StartWorker
) -> None:
    async with raw_server(answers(200)) as receiver, start_worker(master_key=KEY, loopback_targets="off"):
        await create(receiver.url())
        book.submit()
        await soon(lambda: deliveries(book) and deliveries(book)[0]["last_error"])
    assert "not a public address" in str(deliveries(book)[0]["last_error"])
    assert receiver.connections == 0


async def test_the_delivery_of_a_worker_that_died_is_sent_by_another(
    book: TaskBook, create: Create, database_url: str, start_worker: StartWorker
) -> None:
    async with raw_server(answers(200)) as receiver:
        await create(receiver.url())
        async with start_worker(**SETTINGS):
            book.submit()
            await soon(lambda: deliveries(book) and deliveries(book)[0]["status"] == "delivered")
        book.rows("update par.webhook_deliveries set status = 'pending', next_attempt_at = now() - interval '1 second'")
        async with start_worker("worker-2", **SETTINGS):
            await soon(lambda: len(receiver.requests) == 2)


async def test_what_could_not_be_delivered_in_a_day_is_given_up_and_the_log_ends(
    book: TaskBook, create: Create, start_worker: StartWorker, database_url: str
) -> None:
    await create("http://127.0.0.1:1/")
    async with start_worker(**SETTINGS):
        book.submit()
        await soon(lambda: deliveries(book) and deliveries(book)[0]["last_error"])
    book.rows("update par.webhook_deliveries set expires_at = now() - interval '1 second'")
    async with Database(database_url, "par_worker") as database:
        await tidy_up(database)
        assert deliveries(book)[0]["status"] == "failed"
        book.rows("update par.webhook_deliveries set created_at = now() - interval '8 days'")
        await tidy_up(database)
    assert deliveries(book) == []


async def test_nothing_is_sent_that_nobody_can_check(book: TaskBook, create: Create, start_worker: StartWorker) -> None:
    async with raw_server(answers(204)) as receiver, start_worker(**SETTINGS):
        await create(receiver.url("/hook"))
        book.rows("delete from par.secrets where owner_kind = 'webhook'")
        book.submit()
        await soon(lambda: deliveries(book) and deliveries(book)[0]["last_error"])
    assert "no signing secret" in str(deliveries(book)[0]["last_error"])
    assert receiver.requests == []
