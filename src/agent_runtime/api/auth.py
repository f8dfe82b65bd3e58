"""Who is calling. The embedded server serves its own machine only and takes the caller for its operator.

A browser on the same machine is not the operator: a page of a foreign origin, or one that reached us through a rebound
DNS name, is turned away by its `Origin` and by the `Host` that it asked for.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from agent_runtime.api.problem import Problem
from agent_runtime.config import LOOPBACK_NAMES

DEFAULT_TENANT = "default"
Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Caller:
    """On whose behalf a request acts."""

    tenant_id: str
    name: str


_OPERATOR = Caller(DEFAULT_TENANT, "operator")


class Door:
    """Decides from the headers alone whether a request comes in."""

    def __init__(self, trusted_hosts: Iterable[str] = ()) -> None:
        self._names = LOOPBACK_NAMES | {name.lower() for name in trusted_hosts}

    def admit(self, headers: Headers) -> Caller:
        """The caller. Raises Problem: 401 for any credentials (there are no keys), 403 for a foreign host or origin."""
        hosts = 0
        for name, value in headers:
            if name == b"host":
                hosts += 1
                self._check_host(value)
            elif name == b"origin":
                self._check_origin(value)
            elif name == b"authorization":
                raise Problem(401, "this key is not known", headers={"WWW-Authenticate": "Bearer"})
        if hosts != 1:
            raise Problem(403, "a request needs one Host header that names this machine")
        return _OPERATOR

    def _check_host(self, value: bytes) -> None:
        if _host_name("//" + value.decode("latin-1")) not in self._names:
            raise Problem(403, "the Host header must name this machine (localhost, 127.0.0.1 or [::1])")

    def _check_origin(self, value: bytes) -> None:
        origin = value.decode("latin-1")
        if not origin.startswith(("http://", "https://")) or _host_name(origin) not in self._names:
            raise Problem(403, "pages of another origin may not call this server")


def _host_name(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        if parts.username is not None or parts.path or parts.query or parts.fragment:
            return None
        _ = parts.port
        return parts.hostname
    except ValueError:
        return None
