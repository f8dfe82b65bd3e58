"""What runs, for people and scripts: only processes that live at the moment of asking."""

import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from agent_runtime.config import Settings
from agent_runtime.embedded.files import read_text
from agent_runtime.embedded.layout import Layout, layout_of
from agent_runtime.embedded.state import ProcessState, SystemState, running_state

ASK_SECONDS = 2.0
STARTING = "starting"
_PAGES = 20


@dataclass(frozen=True)
class Endpoint:
    """A server that runs: its URL and its process; `pid` is None for a database that is not ours."""

    url: str
    pid: int | None


@dataclass(frozen=True)
class WorkerStatus:
    """A live worker process; `status` is `starting` until the registry knows it, then the registry's word."""

    worker_id: str
    pid: int
    status: str


@dataclass(frozen=True)
class SystemStatus:
    """Everything that runs from one data folder; an empty one when nothing does."""

    data_dir: Path
    database: Endpoint | None = None
    api: Endpoint | None = None
    workers: tuple[WorkerStatus, ...] = ()
    supervisor_pid: int | None = None
    already_running: bool = False

    @property
    def running(self) -> bool:
        """Whether a supervisor keeps this system up."""
        return self.supervisor_pid is not None

    def as_json(self) -> dict[str, Any]:
        """The answer of `par status --json`."""
        return {
            "database": None if self.database is None else vars(self.database),
            "api": None if self.api is None else vars(self.api),
            "workers": [vars(each) for each in self.workers],
        }


def status(settings: Settings) -> SystemStatus:
    """What runs from the data folder of these settings."""
    layout = layout_of(settings)
    return status_of(layout, running_state(layout))


def status_of(layout: Layout, state: SystemState | None) -> SystemStatus:
    """The status that a system's state amounts to, with what its API says of the workers."""
    if state is None:
        return SystemStatus(layout.root)
    database, api, workers = state.part("database"), state.part("api"), state.workers()
    known = (
        worker_registry(state.api_url, read_text(layout.operator_key).strip()) if api is not None and workers else {}
    )
    external = all(each.name != "database" for each in state.parts)
    return SystemStatus(
        data_dir=layout.root,
        database=_database(state, database, external=external),
        api=None if api is None else Endpoint(state.api_url, api.process.pid),
        workers=tuple(_worker(each, known) for each in workers),
        supervisor_pid=state.supervisor.pid,
    )


def api_is_healthy(url: str) -> bool:
    """Whether the API answers and reaches its database."""
    return ask(url, "/v1/health/ready") is not None


def worker_registry(url: str, key: str = "") -> dict[str, str]:
    """Status of every worker in the API's registry by id; empty when the API does not answer."""
    found: dict[str, str] = {}
    cursor: str | None = None
    for _ in range(_PAGES):
        page = ask(url, "/v1/workers?" + urlencode({"limit": 200, **({"cursor": cursor} if cursor else {})}), key)
        if page is None:
            break
        found.update({each["worker_id"]: each["status"] for each in page.get("items", [])})
        cursor = page.get("next_cursor")
        if not cursor:
            break
    return found


def ask(url: str, path: str, key: str = "") -> dict[str, Any] | None:
    """The JSON object that a GET answers with 200; None for anything else."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=ASK_SECONDS)
    headers = {"Accept": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = json.loads(response.read()) if response.status == http.client.OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return body if isinstance(body, dict) else None


def _database(state: SystemState, part: ProcessState | None, *, external: bool) -> Endpoint | None:
    if part is not None:
        return Endpoint(state.database_url, part.process.pid)
    return Endpoint(state.database_url, None) if external and state.database_url else None


def _worker(part: ProcessState, known: dict[str, str]) -> WorkerStatus:
    worker_id = part.worker_id or part.name
    return WorkerStatus(worker_id, part.process.pid, known.get(worker_id, STARTING))
