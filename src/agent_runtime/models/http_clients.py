"""The asynchronous HTTP client under the OpenAI and Anthropic SDKs: one a model, sharing the certificates."""

from __future__ import annotations

from functools import lru_cache
from ssl import SSLContext

import httpx2

from agent_runtime.models.providers import ModelOptions

CONNECT_SECONDS = 10.0


def http_client(options: ModelOptions) -> httpx2.AsyncClient:
    """A client whose own timeouts stay behind ours: the watchdog decides, these only back it up."""
    return httpx2.AsyncClient(
        verify=_ssl_context(),
        timeout=httpx2.Timeout(options.timeout_seconds + CONNECT_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx2.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=30.0),
        follow_redirects=True,
    )


@lru_cache(maxsize=1)
def _ssl_context() -> SSLContext:
    """Shared by all clients: each one of its own costs tens of milliseconds and half a megabyte."""
    return httpx2.create_ssl_context()
