"""Serves the API until it is told to stop: `python -m agent_runtime.api`."""

import asyncio
import gc
import signal
import sys

from agent_runtime import fault_points, log
from agent_runtime.config import Settings, load
from agent_runtime.domain.errors import AgentRuntimeError, StartFailed
from agent_runtime.store.secret import prove_master_key

STOP_SECONDS = 5


def main() -> int:
    """Read the settings, check that they can be served, and serve."""
    try:
        settings = load()
        require_servable(settings)
        log.configure(settings.log_level, settings.log_format, component="api")
        fault_points.arm(settings.fault, allowed=settings.faults_allowed)
        asyncio.run(prove_master_key(settings.database_url or "", settings.master_key))
    except AgentRuntimeError as error:
        sys.stderr.write(f"the API cannot start: {error}\n")
        return 2
    return serve(settings)


def require_servable(settings: Settings) -> None:
    """Raise StartFailed when serving would be unsafe or without effect."""
    if not settings.database_url:
        raise StartFailed("PAR_DATABASE_URL is not set: `par start` and `par up` bring a database of their own")
    if (
        not settings.on_loopback
        and settings.auth != "required"
        and settings.operator_key is None
        and not settings.oidc_issuer
    ):
        from agent_runtime.store.api_key import require_live_key

        require_live_key(settings.database_url, settings.host)


def serve(settings: Settings) -> int:
    """Run uvicorn; 0 after a clean stop, 1 when the port could not be had."""
    # Nothing that is imported is garbage: a collector that looks at it time and again costs a tenth of the start.
    gc.disable()
    import uvicorn

    from agent_runtime.api.app import create_app
    from agent_runtime.api.http_protocol import GuardedProtocol

    gc.freeze()
    gc.enable()

    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=True,
        loop="uvloop",
        http=GuardedProtocol,
        log_config=None,
        ws="none",
        lifespan="on",
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    server = uvicorn.Server(config)
    # uvicorn raises the signal that stopped it once more after a clean stop; that is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.run()
    except KeyboardInterrupt:
        return 0
    except SystemExit as stop:  # also how uvicorn ends when it cannot bind
        return int(stop.code or 0)
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
