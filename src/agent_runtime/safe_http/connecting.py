"""The network under the transport: a name becomes checked addresses here, and the socket goes to one of them.

httpcore asks it for a connection to a host and does TLS itself with the host's name, so `Host`, SNI and the name in the
certificate stay those of the URL.
"""

import asyncio
from collections.abc import Iterable, Sequence

import httpcore

from agent_runtime.domain.errors import OutboundFailed
from agent_runtime.safe_http.address_rules import Address
from agent_runtime.safe_http.resolver import Resolver, resolve
from agent_runtime.safe_http.targets import Targets, literal_address, not_allowed, parsed_addresses

CONNECT_SECONDS = 10.0
_MOST_TRIES = 4


async def checked_addresses(host: str, port: int, targets: Targets, resolver: Resolver) -> Sequence[Address]:
    """Every address of `host`; AddressRefused when any of them is not allowed, since the next lookup may pick that."""
    literal = literal_address(host)
    found = [literal] if literal is not None else parsed_addresses(await resolve(resolver, host, port))
    if not all(targets.permits(address, port) for address in found):
        raise not_allowed(host, targets, literal)
    return found


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to allowed addresses only."""

    def __init__(self, targets: Targets, resolver: Resolver) -> None:
        self._targets = targets
        self._resolver = resolver
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (the name is httpcore's)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first checked address of `host` that takes one."""
        seconds = min(timeout or CONNECT_SECONDS, CONNECT_SECONDS)
        addresses = await checked_addresses(host, port, self._targets, self._resolver)
        tries = addresses[:_MOST_TRIES]
        for address in tries:
            try:
                return await self._network.connect_tcp(
                    str(address), port, seconds / len(tries), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        raise OutboundFailed("unreachable", f"{host} does not take connections at port {port}")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 (the name is httpcore's)
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never: no URL leads to a socket of this machine."""
        raise OutboundFailed("unreachable", "sockets of this machine are not reachable")

    async def sleep(self, seconds: float) -> None:
        """Wait, where httpcore wants to."""
        await asyncio.sleep(seconds)
