"""All settings, read once from the environment and `.env`, frozen; nobody else reads the environment.

Written by hand and not with pydantic, because the command line loads it before it prints its help.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from agent_runtime.config_values import (
    OpenAICompatibleEndpoint,
    PrivateTarget,
    Reader,
    choice,
    closest,
    credential,
    endpoints,
    flag,
    folder,
    names,
    names_of,
    number,
    private_targets,
    text,
    url,
    whole,
    words,
)
from agent_runtime.config_values import url as address
from agent_runtime.domain.errors import ConfigurationError

__all__ = ["PROVIDER_VARIABLES", "OpenAICompatibleEndpoint", "Settings", "load"]

PREFIX = "PAR_"
ENV_FILE = "PAR_ENV_FILE"
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
PROVIDER_VARIABLES = (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "GOOGLE_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_GEMINI_BASE_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_ENDPOINT_URL_BEDROCK",
    "E2B_API_KEY",
    "E2B_DOMAIN",
    "E2B_API_URL",
    "E2B_SANDBOX_URL",
)
TOOL_VARIABLES = ("TAVILY_API_KEY", "TAVILY_BASE_URL")
SEARCH_PROVIDERS = ("tavily", "duckduckgo", "brave", "google", "mojeek", "startpage", "wikipedia", "yahoo", "yandex")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def setting(default: Any, reader: Reader[Any], doc: str, unit: str = "", *, secret: bool = False) -> Any:
    """One setting: its default, how its text is read, and what the documentation says of it."""
    metadata = {"reader": reader, "doc": doc, "unit": unit}
    if default is _NOTHING:
        return field(default_factory=lambda: _NOTHING, repr=not secret, metadata=metadata)
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Every setting `PAR_<FIELD NAME>`; `docs/configuration.md` lists them. Secrets are left out of the repr."""

    host: str = setting("127.0.0.1", text(), "address that the API listens on")
    port: int = setting(8080, whole(1, 65535), "port that the API listens on")
    workers: int = setting(2, whole(0, 256), "worker processes that `par start` and `par up` run", "processes")
    data_dir: Path = setting(Path(".par"), folder(), "folder with all state of a system: data, logs, pids")
    database_url: str | None = setting(
        None, url("postgresql", "postgres"), "owner's URL of a PostgreSQL >= 15; unset: an embedded server", secret=True
    )
    database_pool_size: int = setting(10, whole(2, 500), "connections of one process", "connections")
    postgres_bin: Path | None = setting(None, folder(), "folder with the programs of the embedded PostgreSQL")
    lease_seconds: float = setting(30.0, number(1, 3600), "a silent worker keeps its tasks this long", "seconds")
    heartbeat_seconds: float = setting(1.0, number(0.05, 60), "time between two beats of a worker", "seconds")
    probe_seconds: float = setting(0.1, number(0.02, 60), "time between two looks for dead workers", "seconds")
    poll_seconds: float = setting(0.25, number(0.01, 60), "time between two looks for queued tasks", "seconds")
    drain_seconds: float = setting(20.0, number(0, 3600), "grace of a stopping worker for steps under way", "seconds")
    watchdog_seconds: float = setting(
        20.0,
        number(0.5, 3600),
        "a worker whose event loop is blocked this long ends itself; by default at most 2/3 of the lease",
        "seconds",
    )
    max_concurrent_tasks: int = setting(100, whole(1, 10_000), "tasks that one worker process runs at once", "tasks")
    worker_id: str | None = setting(None, text(128), "name of a worker process; unset: made at its start")
    worker_pool: str = setting("shared", text(64), "pool whose tasks a worker takes")
    worker_processes: int = setting(1, whole(1, 256), "processes of `python -m agent_runtime.worker`", "processes")
    dev_controls: bool = setting(
        False, flag(), "developer routes and tools; on by default in a system of `par start` or `par up` on loopback"
    )
    auth: str = setting(
        "auto", choice("auto", "required"), "whether loopback too needs a key (`required`); elsewhere all always do"
    )
    operator_key: str | None = setting(
        None, credential(32), "credential of the operator, for the first keys; made by `par start`", secret=True
    )
    oidc_issuer: str | None = setting(
        None, url("https", "http"), "identity provider whose tokens are taken beside keys; its URL as in `iss`"
    )
    oidc_audience: str | None = setting(None, text(), "what `aud` of a token must be; needed with an issuer")
    oidc_jwks_url: str | None = setting(
        None, url("https", "http"), "where its public keys are; unset: found through the issuer"
    )
    oidc_tenant_claim: str = setting("tenant", text(), "claim with the tenant; dots lead into objects")
    oidc_tenant: str | None = setting(None, text(64), "tenant of all tokens, instead of a claim")
    oidc_role_claim: str = setting("roles", text(), "claim with a role or a list of roles; dots lead into objects")
    oidc_roles: Mapping[str, str] = setting(
        _NOTHING, words(), 'JSON: {"value of the claim": "role"}; unset: the values are the roles themselves'
    )
    rate_limit_per_key: float = setting(
        1000.0, number(0, 1e6), "what one key may send to one API process; 0: no limit", "requests/s"
    )
    rate_limit_per_tenant: float = setting(
        2000.0, number(0, 1e6), "what all keys of a tenant may; 0: no limit", "requests/s"
    )
    api_trusted_hosts: tuple[str, ...] = setting((), names(), "further host names that requests may carry, by comma")
    max_streams: int = setting(
        1000, whole(1, 100_000), "open streams of one tenant on one API process; one more is 429", "streams"
    )
    discovery: bool = setting(True, flag(), "ask the providers for their models at start and once a day")
    openai_compatible: Mapping[str, OpenAICompatibleEndpoint] = setting(
        _NOTHING, endpoints(), 'JSON: {"name": {"base_url": "...", "api_key": null}}', secret=True
    )
    model_timeout_seconds: float = setting(600.0, number(0.1, 86_400), "limit of one whole model call", "seconds")
    model_first_byte_seconds: float = setting(60.0, number(0.1, 3600), "limit until a model answers at all", "seconds")
    model_stall_seconds: float = setting(60.0, number(0.1, 3600), "limit between two parts with content", "seconds")
    sandbox_disk_mb: int = setting(2048, whole(16, 1_048_576), "disk that a local sandbox may fill", "MB")
    sandbox_processes: int = setting(256, whole(8, 10_000), "processes that a local sandbox may have", "processes")
    sandbox_vcpu_price: float = setting(
        14.0, number(0, 1_000_000), "charged for a processor of an E2B sandbox", "microdollars a second"
    )
    sandbox_gib_price: float = setting(
        4.5, number(0, 1_000_000), "charged for a GiB of memory of an E2B sandbox", "microdollars a second"
    )
    retry_base_seconds: float = setting(1.0, number(0.001, 3600), "first wait before a retry; doubles", "seconds")
    retry_cap_seconds: float = setting(60.0, number(0.001, 86_400), "longest wait before a retry", "seconds")
    allowed_private_targets: tuple[PrivateTarget, ...] = setting(
        (),
        private_targets(),
        "private networks that users' addresses may lie in, by comma: `10.1.0.0/16:8443`",
    )
    master_key: str | None = setting(
        None,
        text(2000),
        "key that seals secrets in the database: 32 bytes in base64; by comma, the first seals, all open",
        secret=True,
    )
    loopback_targets: bool = setting(
        False,
        flag(),
        "webhooks and tool servers may lie on loopback; on by default in a system of `par start` on loopback",
    )
    tool_timeout_seconds: float = setting(
        900.0, number(0.1, 86_400), "limit of one tool call; the model is told and goes on", "seconds"
    )
    web_search: tuple[str, ...] = setting(
        (),
        names_of(*SEARCH_PROVIDERS),
        "search providers in the order of trying, by comma; unset: `tavily` when it has a key, then `duckduckgo`",
    )
    artifact_url: str | None = setting(
        None,
        address("s3", "gs", "az"),
        "where files of tasks are kept: s3://bucket/prefix, gs:// or az://; unset: `artifacts` in the data folder",
    )
    artifact_endpoint: str | None = setting(
        None, address("http", "https"), "address of an object server other than the cloud's own"
    )
    retention_days: float | None = setting(None, number(0.01, 36_500), "finished tasks are kept this long", "days")
    log_level: str = setting("info", choice("debug", "info", "warning", "error"), "lowest level that is logged")
    log_format: str = setting("json", choice("json", "text"), "form of the log lines")
    fault: str | None = setting(None, text(2000), "fault points to arm: point:nth:action, by comma (tests only)")
    faults_allowed: bool = setting(False, flag(), "whether PAR_FAULT is honoured (tests only)")
    url: str | None = setting(
        None,
        address("http", "https"),
        "server that `par` commands talk to; unset: the one that runs from the data folder",
    )
    tool_server_programs: Path | None = setting(
        None, folder(), "JSON file of tool servers that are programs of this machine, for tenant `default`"
    )
    mcp_token: str | None = setting(
        None, text(), "bearer token that `par mcp serve --http` asks for; needed beyond loopback", secret=True
    )
    api_key: str | None = setting(None, text(), "key that `par` commands send to the server", secret=True)

    provider_environment: Mapping[str, str] = field(default_factory=lambda: _NOTHING, repr=False)
    tool_environment: Mapping[str, str] = field(default_factory=lambda: _NOTHING, repr=False)
    explicit: frozenset[str] = field(default=frozenset(), repr=False)
    base_environment: Mapping[str, str] = field(default_factory=lambda: _NOTHING, repr=False)

    def __post_init__(self) -> None:
        """Fit the defaults that depend on the lease, then check the rules between settings.

        Raises ConfigurationError.
        """
        self._lower_default("watchdog_seconds", self.lease_seconds * 2 / 3)
        self._lower_default("heartbeat_seconds", self.lease_seconds / 5)
        self._lower_default("retry_base_seconds", self.retry_cap_seconds)
        _require_below(self, "watchdog_seconds", "lease_seconds", 1.0)
        _require_below(self, "heartbeat_seconds", "lease_seconds", 0.5)
        _require_below(self, "retry_base_seconds", "retry_cap_seconds", 1.0, inclusive=True)
        if self.artifact_endpoint is not None and self.artifact_url is None:
            raise ConfigurationError("PAR_ARTIFACT_ENDPOINT", "needs PAR_ARTIFACT_URL")
        if self.oidc_issuer is not None and self.oidc_audience is None:
            raise ConfigurationError("PAR_OIDC_AUDIENCE", "must be set with PAR_OIDC_ISSUER: which tokens are for us")
        _require_private_way("PAR_OIDC_ISSUER", self.oidc_issuer)
        _require_private_way("PAR_OIDC_JWKS_URL", self.oidc_jwks_url)
        if self.fault is not None and not self.faults_allowed:
            raise ConfigurationError("PAR_FAULT", "is for tests: it needs PAR_FAULTS_ALLOWED=1")

    def _lower_default(self, name: str, bound: float) -> None:
        if PREFIX + name.upper() not in self.explicit:
            object.__setattr__(self, name, min(getattr(self, name), bound))

    @property
    def on_loopback(self) -> bool:
        """Whether the API listens for this machine alone."""
        return self.host in LOOPBACK_NAMES

    @property
    def key_needed(self) -> bool:
        """Whether a request without a credential is turned away."""
        return self.auth == "required" or not self.on_loopback

    @property
    def api_url(self) -> str:
        """Where this machine reaches the API."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def child_environment(self, **changes: str) -> dict[str, str]:
        """The whole environment for a child process: what this one was given, as it was read, plus `PAR_` changes.

        `changes` are named like the fields (`database_url=...`). The child does not read `.env` again, so that a
        replaced process has the settings of its system even when the file has been edited meanwhile. It keeps what it
        compiles: a worker that compiles its libraries anew takes three times as long until it replaces a dead one.
        """
        inherited = {
            name: value
            for name, value in self.base_environment.items()
            if not name.startswith(PREFIX) and name != "PYTHONDONTWRITEBYTECODE"
        }
        set_here = {name: self.base_environment[name] for name in self.explicit}
        changed = {PREFIX + name.upper(): value for name, value in changes.items()}
        return {**inherited, **self.provider_environment, **self.tool_environment, **set_here, **changed, ENV_FILE: ""}


def load(environment: Mapping[str, str] | None = None, directory: Path | None = None) -> Settings:
    """Read the settings from the environment and from `.env` in the working directory; the environment wins.

    Raises ConfigurationError, with the name, for an unknown `PAR_` variable and for a value that does not fit.
    An empty value means: not set.
    """
    given = dict(os.environ if environment is None else environment)
    merged = {**_read_env_file(given, directory or Path.cwd()), **given}
    ours = {name: value for name, value in merged.items() if name.startswith(PREFIX) and name != ENV_FILE}
    known = {PREFIX + each.name.upper(): each for each in _setting_fields()}
    for name in ours:
        if name not in known:
            raise ConfigurationError(name, f"there is no such setting{closest(name, known)}")
    values = {
        known[name].name: known[name].metadata["reader"](name, value) for name, value in ours.items() if value.strip()
    }
    return Settings(
        **values,
        provider_environment=MappingProxyType({name: merged[name] for name in PROVIDER_VARIABLES if merged.get(name)}),
        tool_environment=MappingProxyType({name: merged[name] for name in TOOL_VARIABLES if merged.get(name)}),
        explicit=frozenset(name for name, value in ours.items() if value.strip()),
        base_environment=MappingProxyType({**given, **ours}),
    )


def forget_tracing() -> None:
    """Take LangSmith's settings out of this process's environment, before its libraries look for them.

    With them a worker would send its customers' conversations to a third party.
    """
    for name in [name for name in os.environ if name.startswith(("LANGSMITH_", "LANGCHAIN_"))]:
        del os.environ[name]


def documented_settings() -> list[tuple[str, str, str, str]]:
    """Name, default, unit and meaning of every setting, in their order."""
    return [
        (PREFIX + each.name.upper(), _shown(each.default), each.metadata["unit"], each.metadata["doc"])
        for each in _setting_fields()
    ]


def _setting_fields() -> list[Any]:
    return [each for each in fields(Settings) if "reader" in each.metadata]


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    if default is None or default is MISSING or default == ():
        return ""
    return f"{default:g}" if isinstance(default, float) else str(default)


def _require_private_way(name: str, value: str | None) -> None:
    """Keys that came by plain HTTP could be anybody's on the way."""
    if value is not None and value.startswith("http://") and urlsplit(value).hostname not in LOOPBACK_NAMES:
        raise ConfigurationError(name, "must begin with https:// unless it is on loopback")


def _require_below(settings: Settings, name: str, limit: str, share: float, *, inclusive: bool = False) -> None:
    value, bound = getattr(settings, name), getattr(settings, limit) * share
    if value < bound or (inclusive and value == bound):
        return
    part = "" if share == 1.0 else f"{share:g} of "
    relation = "at most" if inclusive else "below"
    raise ConfigurationError(
        PREFIX + name.upper(), f"must be {relation} {part}{PREFIX}{limit.upper()} ({bound:g}), not {value:g}"
    )


_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")


def _read_env_file(given: Mapping[str, str], directory: Path) -> dict[str, str]:
    name = given.get(ENV_FILE, ".env")
    path = directory / name
    if not name or not path.is_file():
        return {}
    found = {}
    for position, line in enumerate(path.read_text().splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None:
            raise ConfigurationError(name, f"line {position} is not NAME=value")
        found[match["name"]] = _unquoted(match["value"].strip())
    return found


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return re.split(r"\s#", value, maxsplit=1)[0].rstrip()
