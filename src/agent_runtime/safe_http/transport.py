"""The transport that holds the rules for every httpx client, also for those inside other libraries."""

from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from ssl import SSLContext

import httpcore
import httpx

from agent_runtime.domain.errors import AddressRefused
from agent_runtime.safe_http.connecting import CheckedNetwork
from agent_runtime.safe_http.decoding import ACCEPTED, decoded
from agent_runtime.safe_http.resolver import Resolver, system_resolver
from agent_runtime.safe_http.targets import Targets, check_url

MOST_CONNECTIONS = 100
IDLE_SECONDS = 30.0
_ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError], str], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout, "did not take the connection in time"),
    (httpcore.ReadTimeout, httpx.ReadTimeout, "did not answer in time"),
    (httpcore.WriteTimeout, httpx.WriteTimeout, "did not take the request in time"),
    (httpcore.PoolTimeout, httpx.PoolTimeout, "has no free connection"),
    (httpcore.ConnectError, httpx.ConnectError, "could not be connected to securely"),
    (httpcore.NetworkError, httpx.ReadError, "broke the connection"),
    (httpcore.RemoteProtocolError, httpx.RemoteProtocolError, "broke the rules of HTTP"),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError, "cannot be asked in this way"),
)


class SafeTransport(httpx.AsyncBaseTransport):
    """Sends requests to allowed targets only; bodies come unpacked, in pieces, as the server sends them.

    Raises AddressRefused before anything is sent, OutboundFailed for a name or host that cannot be reached, and httpx's
    own errors, without addresses, for what goes wrong later.
    """

    def __init__(
        self, targets: Targets, *, resolver: Resolver = system_resolver, ssl_context: SSLContext | None = None
    ) -> None:
        self._targets = targets
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context or _ssl_context(),
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=MOST_CONNECTIONS // 4,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=CheckedNetwork(targets, resolver),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, without following redirects."""
        check_url(request.url, self._targets)
        _require_own_host(request)
        request.headers["accept-encoding"] = ACCEPTED
        with _errors_named(request.url.host):
            answer = await self._pool.handle_async_request(_plain_request(request))
        return _response(answer, request.url.host)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    """The unpacked body of one answer."""

    def __init__(self, answer: httpcore.Response, pieces: AsyncIterator[bytes], host: str) -> None:
        self._answer = answer
        self._pieces = pieces
        self._host = host

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_named(self._host):
            async for piece in self._pieces:
                yield piece

    async def aclose(self) -> None:
        await self._answer.aclose()


def open_httpx_client(
    targets: Targets,
    *,
    headers: Mapping[str, str] | None = None,
    timeout: httpx.Timeout | float = 30.0,
    auth: httpx.Auth | None = None,
    resolver: Resolver = system_resolver,
) -> httpx.AsyncClient:
    """An httpx client for another library to use: the rules hold for it, and it follows no redirect by itself."""
    return httpx.AsyncClient(
        transport=SafeTransport(targets, resolver=resolver),
        headers=headers,
        timeout=timeout,
        auth=auth,
        trust_env=False,
        follow_redirects=False,
    )


def _plain_request(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions={"timeout": request.extensions.get("timeout", {})},
    )


def _response(answer: httpcore.Response, host: str) -> httpx.Response:
    headers = httpx.Headers(answer.headers)
    assert isinstance(answer.stream, AsyncIterable)  # noqa: S101 (the asynchronous pool gives no other)
    pieces = decoded(answer.stream, headers.get("content-encoding", ""))
    if headers.pop("content-encoding", None) is not None:
        headers.pop("content-length", None)
    return httpx.Response(
        status_code=answer.status,
        headers=headers,
        stream=_Body(answer, pieces, host),
        extensions={"http_version": answer.extensions.get("http_version", b"HTTP/1.1")},
    )


def _require_own_host(request: httpx.Request) -> None:
    if request.headers.get("host") != request.url.netloc.decode("ascii"):
        raise AddressRefused("the header Host must be that of the URL")


@contextmanager
def _errors_named(host: str) -> Iterator[None]:
    """httpcore's errors as httpx's, in words that tell no address."""
    try:
        yield
    except Exception as error:
        for found, raised, words in _ERRORS:
            if isinstance(error, found):
                raise raised(f"{host} {words}") from None
        raise


@lru_cache(maxsize=1)
def _ssl_context() -> SSLContext:
    """Shared by all transports: each one of its own costs tens of milliseconds and half a megabyte."""
    return httpx.create_ssl_context()
