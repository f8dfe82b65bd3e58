"""Puts the server together: routes, error answers, the parts that live with it, and the envelope around all."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute

from agent_runtime.api import error_map
from agent_runtime.api.auth import Door
from agent_runtime.api.credentials import Credentials
from agent_runtime.api.hints import Hints
from agent_runtime.api.key_ring import KeyRing
from agent_runtime.api.middleware import Envelope
from agent_runtime.api.model_registry import ModelRegistry
from agent_runtime.api.routes import (
    agent,
    agent_version,
    api_key,
    artifact,
    audit,
    dead_letter,
    developer,
    document,
    fork,
    health,
    human_request,
    model,
    provider,
    spend,
    stats,
    task,
    task_action,
    task_checkpoint,
    task_history,
    task_stream,
    task_submit,
    tenant,
    tool,
    tool_server,
    webhook,
    worker,
)
from agent_runtime.api.runtime import Runtime
from agent_runtime.api.sandbox_probe import SandboxProbe
from agent_runtime.api.scope_guard import guard
from agent_runtime.api.task_feed import TaskFeed
from agent_runtime.api.tool_server_discovery import register_programs
from agent_runtime.artifacts.obstore_adapter import ObstoreObjects
from agent_runtime.config import Settings
from agent_runtime.sandboxes.providers import SandboxOptions
from agent_runtime.store.database import Database, PoolOptions
from agent_runtime.store.secret import Secrets
from agent_runtime.store.submit import Submitter

if TYPE_CHECKING:
    from agent_runtime.api.token_reader import TokenReader

_ROOMS = (
    task_submit, dead_letter, fork, task, task_action, task_history, task_checkpoint, task_stream, artifact, agent,
    agent_version, model, provider, worker, tool, tool_server, spend, stats, human_request, health, developer, document,
    api_key, tenant, audit, webhook,
)  # fmt: skip
WAIT_SECONDS = 2.5
_log = structlog.get_logger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """The application for these settings. It connects to the database when it starts serving, and waits for nothing."""
    door = Door(settings)
    app = FastAPI(
        openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, lifespan=_lifespan(settings, door)
    )
    routes = routes_of_all_rooms()
    for route in routes:
        guard(route)
    for room in _ROOMS:
        app.include_router(room.router)
    error_map.install(app, routes)
    app.add_middleware(Envelope, door=door)
    return app


def routes_of_all_rooms() -> Sequence[APIRoute]:
    """Every route of the server."""
    return [route for room in _ROOMS for route in room.router.routes if isinstance(route, APIRoute)]


def _lifespan(settings: Settings, door: Door) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        options = PoolOptions(settings.database_pool_size, WAIT_SECONDS, "par-api")
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(Database(settings.database_url or "", "par_api", options))
            secrets = Secrets.from_setting(settings.master_key)
            runtime = Runtime(
                settings=settings,
                database=database,
                submitter=Submitter(database),
                hints=Hints(database),
                feed=TaskFeed(database, settings.max_streams),
                secrets=secrets,
                models=ModelRegistry(database, settings, secrets),
                objects=ObstoreObjects(settings),
                keys=KeyRing(database),
                sandboxes=SandboxProbe(SandboxOptions.of(settings)),
            )
            app.state.runtime = runtime
            tokens = _token_reader(settings, database)
            door.credentials = Credentials(settings, runtime.keys, tokens)
            loops = [runtime.hints.run, runtime.feed.run, runtime.models.run, runtime.keys.run]
            for loop in [*loops, tokens.run] if tokens else loops:
                stack.push_async_callback(_stop, asyncio.create_task(loop()))
            stack.push_async_callback(_stop, asyncio.create_task(register_programs(runtime)))
            _log.info("api_serves", url=settings.api_url)
            yield
            _log.info("api_stops")

    return lifespan


def _token_reader(settings: Settings, database: Database) -> "TokenReader | None":
    if settings.oidc_issuer is None:
        return None
    from agent_runtime.api.token_reader import TokenReader

    return TokenReader(settings, database)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
