"""What the routes need at hand: settings, the database, and the parts that live as long as the process."""

from dataclasses import dataclass, field
from typing import cast

from starlette.requests import Request

from agent_runtime.api.auth import Caller
from agent_runtime.api.hints import Hints
from agent_runtime.api.key_ring import KeyRing
from agent_runtime.api.model_registry import ModelRegistry
from agent_runtime.api.problem import Problem
from agent_runtime.api.sandbox_probe import SandboxProbe
from agent_runtime.api.task_feed import TaskFeed
from agent_runtime.artifacts.object_store import ObjectStore
from agent_runtime.config import Settings
from agent_runtime.store.database import Database
from agent_runtime.store.secret import Secrets
from agent_runtime.store.submit import Submitter


@dataclass(frozen=True)
class Runtime:
    """One per application."""

    settings: Settings
    database: Database
    submitter: Submitter
    hints: Hints
    feed: TaskFeed
    secrets: Secrets
    models: ModelRegistry = field(repr=False)
    objects: ObjectStore = field(repr=False)
    keys: KeyRing = field(repr=False)
    sandboxes: SandboxProbe = field(repr=False)


def runtime_of(request: Request) -> Runtime:
    """The parts of the application that serves this request."""
    return cast("Runtime", request.app.state.runtime)


def caller_of(request: Request) -> Caller:
    """Who sent this request, as the door found."""
    return cast("Caller", request.scope["par.caller"])


def require_dev_controls(request: Request) -> None:
    """Raise Problem 404, as if the path did not exist, unless developer controls are on."""
    if not runtime_of(request).settings.dev_controls:
        raise Problem(404, "there is nothing at this path")
