"""A database with one agent, and the desk that workers would sit at."""

from collections.abc import AsyncIterator

import pytest

from tests.support.attempts import Desk, desk
from tests.support.tasks import TaskBook


@pytest.fixture
def book(database_url: str) -> TaskBook:
    """The database of this test, with the agent `agent`."""
    book = TaskBook(database_url)
    book.add_agent()
    return book


@pytest.fixture
async def ours(book: TaskBook) -> AsyncIterator[Desk]:
    """Claims and writes by hand."""
    async with desk(book.url) as made:
        yield made
