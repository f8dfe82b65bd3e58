"""The door: who is calling, decided from the head of a request alone.

The embedded server serves its own machine and takes a caller without credentials for its operator. A browser on the
same machine is not the operator: a page of a foreign origin, or one that reached us through a rebound DNS name, is
turned away by its `Origin` and by the `Host` that it asked for. A server that others can reach, or that is told to,
asks everybody for a key or a token; such a request needs no look at its origin, since no browser adds those by itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from agent_runtime.api.problem import Problem
from agent_runtime.config import LOOPBACK_NAMES, Settings
from agent_runtime.domain.access import OPERATOR_TENANT, SCOPES
from agent_runtime.domain.api_key import holds_key

OPEN_PATHS = frozenset({"/v1/health/live", "/v1/health/ready"})


@dataclass(frozen=True)
class Caller:
    """On whose behalf a request acts, and what it may do. Only the operator acts beyond one tenant."""

    tenant_id: str
    name: str
    scopes: frozenset[str]
    key_id: str | None = None
    is_local: bool = False

    @property
    def is_operator(self) -> bool:
        """Whether this is an administrator of the operator's own tenant, who also manages what all tenants share."""
        return self.tenant_id == OPERATOR_TENANT and "admin" in self.scopes


LOCAL_OPERATOR = Caller(OPERATOR_TENANT, "operator", frozenset(SCOPES), is_local=True)
NOBODY = Caller(OPERATOR_TENANT, "nobody", frozenset())


class CredentialCheck(Protocol):
    """Knows the keys and tokens of the callers."""

    async def caller_of(self, authorization: str, address: str) -> Caller:
        """The caller that this header names. Raises Problem: 401, or 429 after too many wrong ones."""


class Door:
    """Decides from the head alone whether a request comes in. `credentials` is set when the server starts serving."""

    def __init__(self, settings: Settings) -> None:
        self._names = LOOPBACK_NAMES | {name.lower() for name in settings.api_trusted_hosts}
        self._key_needed = settings.key_needed
        self.credentials: CredentialCheck | None = None

    async def admit(self, scope: Mapping[str, Any]) -> Caller:
        """The caller. Raises Problem: 401 without good credentials, 403 for a foreign host or origin, 429."""
        given = self._authorizations(scope["headers"])
        if holds_key(scope["query_string"]):
            raise unauthorized()
        if not given:
            if not self._key_needed:
                return LOCAL_OPERATOR
            if scope["path"] in OPEN_PATHS:
                return NOBODY
            raise unauthorized()
        if len(given) > 1 or self.credentials is None:
            raise unauthorized()
        return await self.credentials.caller_of(given[0].decode("latin-1"), address_of(scope))

    def _authorizations(self, headers: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
        """What the caller says of itself; on the way, host and origin are looked at where they matter."""
        given = []
        hosts = 0
        for name, value in headers:
            if name == b"host":
                hosts += 1
                self._check_host(value)
            elif name == b"origin":
                self._check_origin(value)
            elif name == b"authorization":
                given.append(value)
        if hosts != 1:
            raise Problem(403, "a request needs one Host header that names this machine")
        return given

    def _check_host(self, value: bytes) -> None:
        if not self._key_needed and _host_name("//" + value.decode("latin-1")) not in self._names:
            raise Problem(403, "the Host header must name this machine (localhost, 127.0.0.1 or [::1])")

    def _check_origin(self, value: bytes) -> None:
        if self._key_needed:
            return
        origin = value.decode("latin-1")
        if not origin.startswith(("http://", "https://")) or _host_name(origin) not in self._names:
            raise Problem(403, "pages of another origin may not call this server")


def unauthorized() -> Problem:
    """The one answer to credentials that are missing or no good, which does not tell what was wrong with them."""
    detail = "a valid API key or token is needed: send one `Authorization: Bearer` header with it"
    return Problem(401, detail, headers={"WWW-Authenticate": "Bearer"})


def address_of(scope: Mapping[str, Any]) -> str:
    """The address that the request came from."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _host_name(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        if parts.username is not None or parts.path or parts.query or parts.fragment:
            return None
        _ = parts.port
        return parts.hostname
    except ValueError:
        return None
