"""People at the API and workers in the test's own process, with local sandboxes in a folder of the test."""

from tests.api.conftest import api, app, settings
from tests.gates.conftest import desk
from tests.worker.conftest import start_worker

__all__ = ["api", "app", "desk", "settings", "start_worker"]
