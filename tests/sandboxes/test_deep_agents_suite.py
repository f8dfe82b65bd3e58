"""The public suite for sandboxes (langchain-tests, over deepagents' backend protocol) against the local sandbox."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_tests.integration_tests import SandboxIntegrationTests

from tests.sandboxes.deep_agents_backend import LocalBackend

# The form that the suite gives its own fixtures.
pytestmark = pytest.mark.filterwarnings("ignore:Class-scoped fixtures defined as instance methods")


class TestLocalSandbox(SandboxIntegrationTests):
    """All of it: nothing is left out."""

    @pytest.fixture(scope="class")
    def sandbox(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBackend]:
        backend = LocalBackend(Path(tmp_path_factory.mktemp("sandboxes")))
        yield backend
        backend.close()
