"""State that was changed behind our back is refused as `state_corrupt`: no code runs and nobody else fails."""

import json
import pickle
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from agent_runtime.checkpointer.fence import OpenFence
from agent_runtime.checkpointer.saver import PostgresSaver
from agent_runtime.checkpointer.stored_form import checksum
from agent_runtime.domain.errors import StateCorrupt
from tests.support.attempts import Desk, desk
from tests.support.tasks import TaskBook, calculation, script
from tests.support.waiting import eventually

TABLES = {"checkpoints": "state", "messages": "body"}
PWNED: list[str] = []


class Exploit:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return PWNED.append, ("ran",)


@pytest.fixture
def book(database_url: str) -> TaskBook:
    book = TaskBook(database_url)
    book.add_agent()
    return book


@pytest.fixture
async def ours(book: TaskBook) -> AsyncIterator[Desk]:
    async with desk(book.url) as made:
        book.submit()
        (attempt,) = await made.claim("w")
        for cost in (None, 140, None):
            await attempt.step(cost=cost)
        yield made


async def load(ours: Desk, book: TaskBook) -> object:
    task_id = book.rows("select task_id from par.tasks")[0]["task_id"]
    saver = PostgresSaver(ours.database, ours.commit, OpenFence())
    return await saver.aget_tuple({"configurable": {"thread_id": str(task_id), "checkpoint_ns": ""}})


def overwrite(book: TaskBook, table: str, body: bytes, *, with_checksum: bool) -> None:
    """Put bytes in place of all rows of a table, with the right checksum if somebody took the trouble."""
    book.rows(f"update par.{table} set {TABLES[table]} = %(body)s", body=body)
    if with_checksum:
        book.rows(f"update par.{table} set checksum = %(sum)s", sum=checksum(body))


def stored(book: TaskBook, table: str) -> bytes:
    return bytes(book.rows(f"select {TABLES[table]} as body from par.{table} limit 1")[0]["body"])


@pytest.mark.parametrize("table", TABLES)
async def test_a_flipped_bit_is_seen(ours: Desk, book: TaskBook, table: str) -> None:
    body = bytearray(stored(book, table))
    body[len(body) // 2] ^= 1
    overwrite(book, table, bytes(body), with_checksum=False)
    with pytest.raises(StateCorrupt, match="checksum"):
        await load(ours, book)


@pytest.mark.parametrize("table", TABLES)
async def test_pickled_bytes_are_never_loaded(ours: Desk, book: TaskBook, table: str) -> None:
    overwrite(book, table, pickle.dumps(Exploit()), with_checksum=True)
    with pytest.raises(StateCorrupt):
        await load(ours, book)
    assert PWNED == []


@pytest.mark.parametrize("table", TABLES)
async def test_whatever_else_stands_there_is_corrupt_or_plain_data(ours: Desk, book: TaskBook, table: str) -> None:
    """Random changes of the JSON under a right checksum: a tuple or StateCorrupt, never another error."""
    choice = random.Random(7)
    genuine = json.loads(stored(book, table))
    for _ in range(120):
        changed = _mutated(genuine, choice)
        overwrite(book, table, json.dumps(changed).encode(), with_checksum=True)
        try:
            await load(ours, book)
        except StateCorrupt:
            continue
    assert PWNED == []


CONSTRUCTOR = {"lc": 1, "type": "constructor", "id": ["os", "system"], "kwargs": {"command": "true"}}
HOSTILE: list[Any] = [
    None, True, -1, 1e400, "", "x", "\ud800", [], {}, [[]], [[0, 10**9]], CONSTRUCTOR,
    {"$": "message"}, {"$": "no-such"}, {"$": []}, {"$": "ref", "message": 99}, {"$": "ref"},
    {"$": "call", "message": 0, "index": 0}, {"$": "uuid", "v": "x"}, {"$": "send", "node": 1, "v": 2},
    {"$": "command", "v": {"nope": 1}}, {"$": "dict", "v": [[{}, 1]]}, {"$": "set", "v": [[]]},
]  # fmt: skip


def _mutated(value: Any, choice: random.Random) -> Any:
    """The value with one part, somewhere, replaced."""
    if choice.random() < 0.25 or not isinstance(value, dict | list) or not value:
        return choice.choice(HOSTILE)
    if isinstance(value, dict):
        name = choice.choice(list(value))
        return {**value, name: _mutated(value[name], choice)}
    place = choice.randrange(len(value))
    return [*value[:place], _mutated(value[place], choice), *value[place + 1 :]]


@pytest.mark.parametrize("table", TABLES)
async def test_a_task_with_corrupt_state_ends_and_says_so(book: TaskBook, start_worker: Any, table: str) -> None:
    work = script(calculation("1+1"), {"tool": "dev_sleep", "args": {"seconds": 30}}, {"text": "done"})
    async with start_worker("first", drain_seconds=0.1):
        task_id = book.submit(work)

        async def under_way() -> bool:
            return book.events(task_id).count("tool_call") == 2

        await eventually(under_way, "two steps are done")
    overwrite(book, table, b"\x80\x04nonsense", with_checksum=True)
    async with start_worker("second"):

        async def dead() -> bool:
            return bool(book.task(task_id)["status"] == "dead_letter")

        await eventually(dead, "the task ends")
        neighbour = book.submit(script({"text": "fine"}))

        async def fine() -> bool:
            return bool(book.task(neighbour)["status"] == "completed")

        await eventually(fine, "others go on")
    task = book.task(task_id)
    assert (task["last_error_code"], task["dead_letter_reason"]) == ("state_corrupt", "non_retryable_error")
