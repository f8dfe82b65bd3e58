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
from agent_runtime.store.worker import active_workers, queued_tasks

router = APIRouter(tags=["health"])
PATIENCE_SECONDS = 1.0


@router.get("/v1/health", **describe(Health))
async def get_health(request: Request) -> Response:
    """Whether the system works: `degraded` without workers, 503 while the database is away."""
    counts = await _counts(runtime_of(request), caller_of(request).tenant_id)
    if counts is None:
        body = {"status": "unavailable", "database": "unreachable", "active_workers": None, "queued_tasks": None}
        response = answer(body | {"version": __version__}, 503)
        response.headers["Retry-After"] = "2"
        return response
    workers, queued = counts
    found: dict[str, str | int] = {"status": "ok" if workers else "degraded", "database": "ok"}
    found |= {"active_workers": workers, "queued_tasks": queued}
    return answer(found | {"version": __version__})


@router.get("/v1/health/live", **describe(Alive))
async def get_live() -> Response:
    """Whether this process answers."""
    return answer({"status": "ok"})


@router.get("/v1/health/ready", **describe(Alive))
async def get_ready(request: Request) -> Response:
    """Whether requests can be served now."""
    if await _counts(runtime_of(request), caller_of(request).tenant_id) is None:
        raise DatabaseUnavailable("the database cannot be reached")
    return answer({"status": "ok"})


@router.get("/metrics", **describe(None, media_type="text/plain"))
async def get_metrics(request: Request) -> Response:
    """Gauges of this system in Prometheus' text format."""
    runtime = runtime_of(request)
    counts = await _counts(runtime, caller_of(request).tenant_id)
    registry = CollectorRegistry()
    _gauge(registry, "par_database_up", "Whether the database can be reached", int(counts is not None))
    _gauge(registry, "par_open_streams", "Streams of task events that this process serves", runtime.feed.open_streams)
    if counts is not None:
        _gauge(registry, "par_active_workers", "Workers that are online", counts[0])
        _gauge(registry, "par_queued_tasks", "Tasks that wait for a worker", counts[1])
    return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _gauge(registry: CollectorRegistry, name: str, meaning: str, value: float) -> None:
    Gauge(name, meaning, registry=registry).set(value)


async def _counts(runtime: Runtime, tenant_id: str) -> tuple[int, int] | None:
    """Online workers and queued tasks; None when the database does not answer in time."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await active_workers(runtime.database), await queued_tasks(runtime.database, tenant_id)
    except (DatabaseUnavailable, TimeoutError):
        return None
