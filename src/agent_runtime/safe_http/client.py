"""Whole answers, bounded in every direction: bytes, redirects, time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from agent_runtime.domain.errors import AddressRefused, OutboundFailed
from agent_runtime.safe_http.connecting import checked_addresses
from agent_runtime.safe_http.resolver import Resolver, system_resolver
from agent_runtime.safe_http.targets import Targets, parse_url, port_of
from agent_runtime.safe_http.transport import SafeTransport

_REPEATABLE = frozenset({"GET", "HEAD"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FOLLOWED_TO_OTHERS = frozenset({"accept", "accept-language", "user-agent"})
USER_AGENT = "persistent-agent-runtime"


@dataclass(frozen=True)
class FetchLimits:
    """The bounds of one fetch. `seconds` covers all of it: names, redirects and the last byte of the body."""

    seconds: float = 30.0
    body_bytes: int = 5_000_000
    redirects: int = 3


@dataclass(frozen=True)
class Fetched:
    """A whole answer. `url` is where it came from after redirects; `truncated` says that the body went on."""

    status: int
    headers: httpx.Headers
    body: bytes
    url: str
    truncated: bool = False


async def check_target(url: str, targets: Targets, resolver: Resolver = system_resolver) -> None:
    """AddressRefused when `url` is not allowed now; a name that cannot be resolved yet is no reason."""
    parsed = parse_url(url, targets)
    try:
        await checked_addresses(parsed.raw_host.decode("ascii"), port_of(parsed), targets, resolver)
    except OutboundFailed as error:
        if isinstance(error, AddressRefused):
            raise


class SafeClient:
    """Fetches from allowed targets only; keeps connections between calls, so close it."""

    def __init__(self, targets: Targets, *, resolver: Resolver = system_resolver) -> None:
        self._targets = targets
        self._resolver = resolver
        self._http = httpx.AsyncClient(
            transport=SafeTransport(targets, resolver=resolver), trust_env=False, headers={"user-agent": USER_AGENT}
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def check(self, url: str) -> None:
        """AddressRefused when `url` is not allowed now; a name that cannot be resolved yet is no reason."""
        await check_target(url, self._targets, self._resolver)

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        limits: FetchLimits = FetchLimits(),
    ) -> Fetched:
        """The answer to one request; redirects of a GET or HEAD are followed, each checked like the first address.

        Raises AddressRefused for a target that is not allowed and OutboundFailed for all that goes wrong on the way.
        """
        request = self._http.build_request(method, parse_url(url, self._targets), headers=headers, content=content)
        try:
            async with asyncio.timeout(limits.seconds):
                return await self._follow(request, limits)
        except TimeoutError:
            raise OutboundFailed("timeout", f"{request.url.host} took longer than {limits.seconds:g} s") from None
        except httpx.HTTPError as error:
            raise OutboundFailed(_code_of(error), str(error)) from None

    async def _follow(self, request: httpx.Request, limits: FetchLimits) -> Fetched:
        for _ in range(limits.redirects + 1):
            fetched = await self._once(request, limits)
            following = _next_request(request, fetched, self._targets)
            if following is None:
                return fetched
            request = following
        raise OutboundFailed("too_many_redirects", f"{request.url.host} redirects more than {limits.redirects} times")

    async def _once(self, request: httpx.Request, limits: FetchLimits) -> Fetched:
        response = await self._http.send(request, stream=True)
        try:
            body, truncated = await _read(response, limits.body_bytes)
        finally:
            await response.aclose()
        return Fetched(response.status_code, response.headers, body, str(request.url), truncated)


async def _read(response: httpx.Response, most: int) -> tuple[bytes, bool]:
    """The body up to its limit, and whether there was more."""
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > most:
            return bytes(body[:most]), True
    return bytes(body), False


def _next_request(request: httpx.Request, fetched: Fetched, targets: Targets) -> httpx.Request | None:
    """The request that a redirect asks for; None when the answer is final."""
    location = fetched.headers.get("location")
    if request.method not in _REPEATABLE or fetched.status not in _REDIRECTS or not location:
        return None
    try:
        target = parse_url(str(request.url.join(location)), targets)
    except httpx.InvalidURL:
        raise AddressRefused(f"{request.url.host} redirects to what is not a URL") from None
    if request.url.scheme == "https" and target.scheme != "https":
        raise AddressRefused(f"{request.url.host} redirects from https to http")
    same_origin = _origin(request.url) == _origin(target)
    kept = {
        name: value
        for name, value in request.headers.items()
        if name != "host" and (same_origin or name in _FOLLOWED_TO_OTHERS)
    }
    return httpx.Request(request.method, target, headers=kept, extensions=request.extensions)


def _origin(url: httpx.URL) -> tuple[str, bytes, int]:
    return url.scheme, url.raw_host, port_of(url)


def _code_of(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "timeout"
    return "protocol_error" if isinstance(error, httpx.ProtocolError) else "unreachable"
