"""A system of real processes around one database, and a model server with books of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.model_server_process import ModelServerProcess, model_server_process
from tests.support.processes import Fleet, fleet
from tests.support.tasks import TaskBook
from tests.worker.conftest import start_worker

__all__ = ["start_worker"]

OPENAI_AGENT = "openai-agent"


@pytest.fixture
def book(database_url: str) -> TaskBook:
    """The database of this test, with a free and a priced scripted agent."""
    book = TaskBook(database_url)
    book.add_agent()
    book.add_priced_agent("priced")
    return book


@pytest.fixture
def system(book: TaskBook, tmp_path: Path) -> Iterator[Fleet]:
    """Processes around this test's database."""
    with fleet(book.url, tmp_path) as ours:
        yield ours


@pytest.fixture
def model_server(tmp_path: Path, book: TaskBook, system: Fleet) -> Iterator[ModelServerProcess]:
    """A model server that the system's workers know as `openai`, and an agent that uses it at a known price."""
    add_openai_agent(book)
    with model_server_process(tmp_path / "model-server.log") as server:
        system.environment |= server.openai_environment
        yield server


def add_openai_agent(book: TaskBook, agent_id: str = OPENAI_AGENT) -> None:
    """An agent on the model server's model."""
    book.rows(
        "insert into par.models (provider, model_id, display_name, input_price, output_price, max_output_tokens,"
        " price_source) values ('openai', 'gpt-4o-mini', 'm', 1000000, 2000000, 100, 'manual') on conflict do nothing"
    )
    config = {"provider": "openai", "model": "gpt-4o-mini", "allowed_tools": ["calculator", "dev_sleep"]}
    book.add_agent(agent_id, config=config)
