"""Fixtures that every suite shares."""

from collections.abc import Iterator

import pytest

from tests.support.database import TestServer, running_server


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
