"""Real processes of the product: workers and an API, with its default settings unless said otherwise."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import agent_runtime
from agent_runtime.embedded.ports import free_port
from benchmarks.bed import Bed, wait_for

_SOURCES = Path(agent_runtime.__file__).resolve().parents[1]
_START_SECONDS = 40.0


def start(module: str, url: str, **settings: object) -> "subprocess.Popen[bytes]":
    """Start `python -m module`; `settings` are PAR_ variables in lower case without the prefix."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PAR_")}
    chosen = {f"PAR_{name.upper()}": str(value) for name, value in settings.items()}
    fixed = {"PAR_DATABASE_URL": url, "PAR_ENV_FILE": "", "PAR_LOG_LEVEL": "error", "PYTHONPATH": str(_SOURCES)}
    return subprocess.Popen(
        [sys.executable, "-m", module],
        env={**inherited, **fixed, **chosen},
        cwd=tempfile.gettempdir(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, then make it end."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def running_workers(url: str, number: int, **settings: object) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """`number` workers that are online; their ids are `w0`, `w1`, …"""
    with ExitStack() as stack:
        workers = []
        for place in range(number):
            workers.append(start("agent_runtime.worker", url, worker_id=f"w{place}", **settings))
            stack.callback(stop, workers[-1])
        wait_for(lambda: online(url) >= number, f"{number} workers online", _START_SECONDS)
        yield workers


def online(url: str) -> int:
    """How many workers are online."""
    (row,) = Bed.rows(url, "select count(*) as workers from par.worker_sessions where status = 'online'")
    return int(row["workers"])


@contextmanager
def running_api(url: str, **settings: object) -> Iterator[int]:
    """An API that is healthy; gives its port on 127.0.0.1."""
    with running_api_process(url, **settings) as (port, _):
        yield port


@contextmanager
def running_api_process(url: str, **settings: object) -> Iterator[tuple[int, int]]:
    """The same; gives its port and its process's id."""
    from benchmarks.http_client import get_once

    port = free_port("127.0.0.1")
    process = start("agent_runtime.api", url, port=port, **settings)
    try:
        wait_for(lambda: get_once(port, "/v1/health/ready") == 200, "the API is ready", _START_SECONDS)
        yield port, process.pid
    finally:
        stop(process)
