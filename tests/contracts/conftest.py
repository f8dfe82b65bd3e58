"""Workers in the test's own process, where a contract is about what they do."""

from tests.worker.conftest import start_worker

__all__ = ["start_worker"]
