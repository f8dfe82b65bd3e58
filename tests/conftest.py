"""Fixtures that every suite shares."""

import os
import sys
from collections.abc import Iterator

import pytest

from tests.support.database import TestServer, running_server

# Tests start hundreds of processes. Where the environment forbids to keep compiled modules, each of them would compile
# LangGraph and its like anew, which takes seconds.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.fixture(scope="session")
def database_server() -> Iterator[TestServer]:
    """One PostgreSQL server for the whole test process."""
    with running_server() as server:
        yield server


@pytest.fixture
def database_url(database_server: TestServer) -> Iterator[str]:
    """Address (as owner) of a fresh, migrated database."""
    url = database_server.create_database()
    yield url
    database_server.drop_database(url)
