"""Health of the system, probes, and figures for Prometheus."""

import asyncio

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime import __version__
from agent_runtime.api.answer import answer
from agent_runtime.api.openapi import describe
from agent_runtime.api.runtime import Runtime, caller_of, runtime_of
from agent_runtime.api.schemas.answers import Alive, Health
from agent_runtime.domain.errors import DatabaseUnavailable
from agent_runtime.store import worker as store
from agent_runtime.store.database import Row

router = APIRouter(tags=["health"])
PATIENCE_SECONDS = 1.0


@router.get("/v1/health", **describe(Health))
async def get_health(request: Request) -> Response:
    """Whether the system works: `degraded` without workers, 503 while the database is away."""
    facts = await _facts(runtime_of(request), caller_of(request).tenant_id)
    if facts is None:
        nothing = dict.fromkeys(("active_workers", "queued_tasks", "schema_version"))
        body = {"status": "unavailable", "database": "unreachable", **nothing, "version": __version__}
        response = answer(body, 503)
        response.headers["Retry-After"] = "2"
        return response
    status = "ok" if facts["active_workers"] else "degraded"
    return answer({"status": status, "database": "ok", **facts, "version": __version__})


@router.get("/v1/health/live", **describe(Alive, scope="open"))
async def get_live() -> Response:
    """Whether this process answers."""
    return answer({"status": "ok"})


@router.get("/v1/health/ready", **describe(Alive, scope="open"))
async def get_ready(request: Request) -> Response:
    """Whether requests can be served now."""
    if await _facts(runtime_of(request), caller_of(request).tenant_id) is None:
        raise DatabaseUnavailable("the database cannot be reached")
    return answer({"status": "ok"})


@router.get("/metrics", **describe(None, media_type="text/plain"))
async def get_metrics(request: Request) -> Response:
    """Gauges of this system in Prometheus' text format."""
    runtime = runtime_of(request)
    facts = await _facts(runtime, caller_of(request).tenant_id)
    registry = CollectorRegistry()
    _gauge(registry, "par_database_up", "Whether the database can be reached", int(facts is not None))
    _gauge(registry, "par_open_streams", "Streams of task events that this process serves", runtime.feed.open_streams)
    if facts is not None:
        _gauge(registry, "par_active_workers", "Workers that are online", facts["active_workers"])
        _gauge(registry, "par_queued_tasks", "Tasks that wait for a worker", facts["queued_tasks"])
    return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _gauge(registry: CollectorRegistry, name: str, meaning: str, value: float) -> None:
    Gauge(name, meaning, registry=registry).set(value)


async def _facts(runtime: Runtime, tenant_id: str) -> Row | None:
    """`active_workers`, `queued_tasks` and `schema_version`; None when the database does not answer in time."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            queued = await store.queued_tasks(runtime.database, tenant_id)
            return {**await store.health(runtime.database), "queued_tasks": queued}
    except (DatabaseUnavailable, TimeoutError):
        return None
