"""`python -m agent_runtime.worker [--processes N]`: one worker process, or several."""

import argparse
import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys

from agent_runtime import fault_points, log
from agent_runtime.config import Settings, forget_tracing, load
from agent_runtime.domain.errors import AgentRuntimeError, ConfigurationError
from agent_runtime.models.providers import Providers
from agent_runtime.worker.garbage_collection import pause_the_garbage_collector, spare_the_garbage_collector

_LOOK_SECONDS = 1.0


def main() -> int:
    """Run until SIGTERM or SIGINT. Gives the exit code."""
    forget_tracing()
    pause_the_garbage_collector()
    try:
        settings = load()
        processes = _arguments(settings).processes
        if processes > 1:
            return _run_several(settings, processes)
        return asyncio.run(_run_one(settings))
    except AgentRuntimeError as error:
        sys.stderr.write(f"worker: {error}\n")
        return 1


def _arguments(settings: Settings) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m agent_runtime.worker", description="Runs tasks until SIGTERM.")
    parser.add_argument("--processes", type=int, default=settings.worker_processes, help="how many processes to run")
    return parser.parse_args()


async def _run_one(settings: Settings) -> int:
    from agent_runtime.store.secret import prove_master_key
    from agent_runtime.worker.process import WorkerProcess

    if settings.database_url is None:
        raise ConfigurationError("PAR_DATABASE_URL", "a worker needs the database's address")
    worker_id = settings.worker_id or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    log.configure(settings.log_level, settings.log_format, worker_id=worker_id)
    fault_points.arm(settings.fault, allowed=settings.faults_allowed)
    spare_the_garbage_collector()
    await prove_master_key(settings.database_url, settings.master_key)
    worker = WorkerProcess(settings, settings.database_url, worker_id, _providers(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    await worker.run()
    return 0


def _providers(settings: Settings) -> Providers:
    endpoints = {
        name: {"base_url": one.base_url, "api_key": one.api_key} for name, one in settings.openai_compatible.items()
    }
    return Providers.from_environment(settings.provider_environment, json.dumps(endpoints) if endpoints else None)


def _run_several(settings: Settings, processes: int) -> int:
    """Processes are started anew and not forked: a child that inherited a socket would keep its parent's lock."""
    base = settings.worker_id or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "agent_runtime.worker"],
            env=settings.child_environment(worker_processes="1", worker_id=f"{base}-{number}"),
        )
        for number in range(processes)
    ]

    def pass_on(number: int, _frame: object) -> None:
        for child in children:
            child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    while all(child.poll() is None for child in children):
        signal.sigtimedwait([signal.SIGCHLD], _LOOK_SECONDS)
    # One ended: asked for, or so that whoever supervises this process starts all of them anew.
    pass_on(signal.SIGTERM, None)
    return max(child.wait() for child in children)


if __name__ == "__main__":
    sys.exit(main())
