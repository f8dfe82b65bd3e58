"""What `par doctor` looks at: settings, server, database, migrations, workers, clock, providers, disk."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from agent_runtime.cli.findings import FAIL, OK, WARN, Finding
from agent_runtime.domain.errors import AgentRuntimeError

if TYPE_CHECKING:
    from agent_runtime.client import RuntimeClient
    from agent_runtime.config import Settings

_LEAST_FREE_BYTES = 1024**3
# `Date` has whole seconds, so up to one second of difference means nothing.
_WORST_CLOCK_OFFSET_SECONDS = 2.5


@dataclass
class _Answers:
    """What the server told; a question that failed has its error instead."""

    health: dict[str, Any] = field(default_factory=dict)
    clock_offset_seconds: float | None = None
    workers: list[dict[str, Any]] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    health_error: AgentRuntimeError | None = None
    rooms_error: AgentRuntimeError | None = None


def examine() -> list[Finding]:
    """All findings, in the order in which they are worth mending. Never raises for what it examines."""
    from agent_runtime.config import load

    try:
        settings = load()
    except AgentRuntimeError as error:
        return [Finding("settings", FAIL, str(error), "correct this variable, in the environment or in .env")]
    return [Finding("settings", OK, f"{len(settings.explicit)} set, the rest are defaults"), *_examine(settings)]


def _examine(settings: Settings) -> list[Finding]:
    from agent_runtime.cli.server import server_url

    url = server_url(settings)
    answers = asyncio.run(_ask(settings, url))
    if _database_is_away(answers.health_error):
        return [
            Finding("server", OK, f"{url} answers"),
            Finding("database", FAIL, "the server cannot reach it", _MEND_DATABASE),
            *_providers(settings, answers),
            _sandboxes(settings),
            _disk(settings),
        ]
    if answers.health_error is not None:
        todo = "start one with `par up`, or set PAR_URL"
        return [
            Finding("server", FAIL, str(answers.health_error), todo),
            *_providers(settings, answers),
            _sandboxes(settings),
            _disk(settings),
        ]
    return [
        Finding("server", OK, f"{url} answers, version {answers.health.get('version', 'unknown')}"),
        _access(answers),
        _database(answers),
        _migrations(answers),
        _workers(answers),
        _queue(answers),
        _clock(answers),
        *_providers(settings, answers),
        _sandboxes(settings),
        _disk(settings),
    ]


async def _ask(settings: Settings, url: str) -> _Answers:
    from agent_runtime.cli.server import credential
    from agent_runtime.client import ClientOptions, RuntimeClient
    from agent_runtime.client.retry import ONE_ATTEMPT

    answers = _Answers()
    options = ClientOptions(url=url, api_key=credential(settings, url), timeout_seconds=10.0, retry=ONE_ATTEMPT)
    async with RuntimeClient(options) as client:
        try:
            await _ask_health(client, answers)
        except AgentRuntimeError as error:
            answers.health_error = error
            return answers
        try:
            answers.workers = [worker async for worker in client.workers.list()]
            answers.models = [model async for model in client.models.list()]
        except AgentRuntimeError as error:
            answers.rooms_error = error
    return answers


async def _ask_health(client: RuntimeClient, answers: _Answers) -> None:
    before = time.time()
    reply = await client.health_reply()
    middle = (before + time.time()) / 2
    answers.health = reply.body if isinstance(reply.body, dict) else {}
    date = reply.headers.get("date")
    if date:
        # The header cuts the fraction off; half a second is what it cuts on average.
        answers.clock_offset_seconds = parsedate_to_datetime(date).timestamp() + 0.5 - middle


def _access(answers: _Answers) -> Finding:
    if answers.rooms_error is not None:
        return Finding("access", FAIL, str(answers.rooms_error), "set PAR_API_KEY to a key with the scope `read`")
    return Finding("access", OK, "workers and models can be read")


def _database(answers: _Answers) -> Finding:
    database = answers.health.get("database")
    shown = _worded(database)
    state = database.get("status", "ok") if isinstance(database, dict) else database
    if str(state).lower() in ("ok", "up", "true", "reachable", "healthy", "connected"):
        return Finding("database", OK, shown)
    return Finding("database", FAIL, shown, _MEND_DATABASE)


_MEND_DATABASE = "see `par logs database`, or whether the server of PAR_DATABASE_URL runs"


def _database_is_away(error: AgentRuntimeError | None) -> bool:
    """A server without its database answers 503."""
    from agent_runtime.client.errors import RequestFailed

    return isinstance(error, RequestFailed) and error.problem.status == 503


def _migrations(answers: _Answers) -> Finding:
    database = answers.health.get("database")
    told = database if isinstance(database, dict) else answers.health
    missing = told.get("pending_migrations") or []
    if missing:
        return Finding("migrations", FAIL, f"missing: {_worded(missing)}", "run `par db migrate`")
    version = told.get("schema_version") or told.get("migration")
    return Finding("migrations", OK, f"at {version}" if version else "the server started, so none is missing")


def _workers(answers: _Answers) -> Finding:
    if answers.rooms_error is not None:
        count = answers.health.get("active_workers") or 0
        return Finding("workers", OK if count else WARN, f"{count} online", "" if count else _START_WORKERS)
    online = [worker for worker in answers.workers if worker.get("status") == "online"]
    versions = sorted({str(worker.get("version")) for worker in online if worker.get("version")})
    if not online:
        return Finding("workers", FAIL, "none is online: tasks will wait", _START_WORKERS)
    if len(versions) > 1:
        return Finding("workers", WARN, f"{len(online)} online in versions {', '.join(versions)}", "restart the older")
    return Finding("workers", OK, f"{len(online)} online")


_START_WORKERS = "start some with `par scale-worker 2`"


def _queue(answers: _Answers) -> Finding:
    queued = answers.health.get("queued_tasks")
    return Finding("queue", OK, f"{queued if queued is not None else 'unknown'} tasks wait")


def _clock(answers: _Answers) -> Finding:
    offset = answers.clock_offset_seconds
    if offset is None:
        return Finding("clock", WARN, "the server does not tell its time", "check that a proxy keeps the Date header")
    if abs(offset) > _WORST_CLOCK_OFFSET_SECONDS:
        ahead = "ahead of" if offset > 0 else "behind"
        return Finding("clock", WARN, f"the server is {abs(offset):.1f} s {ahead} this machine", "synchronize with NTP")
    return Finding("clock", OK, "this machine and the server agree within the second")


def _providers(settings: Settings, answers: _Answers) -> list[Finding]:
    """Keys by name only, from this process's environment; the server's own may differ when it runs elsewhere."""
    keys = [
        name
        for name in settings.provider_environment
        if name.endswith(("_KEY", "_KEY_ID", "_BEDROCK", "_PROFILE")) and not name.startswith("E2B_")
    ]
    named = [*keys, *settings.openai_compatible]
    known = sorted({model["provider"] for model in answers.models})
    listed = f"; the registry has models of {', '.join(known)}" if known else ""
    if named:
        return [Finding("providers", OK, f"set here: {', '.join(named)}{listed}")]
    todo = "set for example OPENAI_API_KEY before `par start`; the provider `scripted` works without any"
    return [Finding("providers", WARN, f"no key is set here{listed}", todo)]


def _sandboxes(settings: Settings) -> Finding:
    from agent_runtime.sandboxes.providers import SandboxOptions

    options = SandboxOptions.of(settings)
    problem = asyncio.run(options.local_problem())
    if options.has_e2b_key:
        return Finding("sandboxes", OK, "E2B by default" + ("; local ones work, too" if problem is None else ""))
    if problem is None:
        return Finding("sandboxes", OK, "local ones work here")
    return Finding(
        "sandboxes", WARN, f"none can be started here: {problem}", "see docs/sandboxes.md, or set E2B_API_KEY"
    )


def _disk(settings: Settings) -> Finding:
    folder = settings.data_dir.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    detail = f"{free / 1024**3:.1f} GB free for {folder}"
    if free < _LEAST_FREE_BYTES:
        return Finding("disk", WARN, detail, "make room, or move PAR_DATA_DIR")
    return Finding("disk", OK, detail)


def _worded(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_worded(entry)}" for name, entry in value.items() if entry is not None)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
