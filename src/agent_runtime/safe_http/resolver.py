"""Names to addresses, off the event loop and under a deadline, in few threads of its own.

Its own threads, because a name server that hangs must not hold those that the rest of the process shares.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from agent_runtime.domain.errors import OutboundFailed

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Every address of a host for a port, as texts; raises OSError when it has none."""

LOOKUP_SECONDS = 5.0
_THREADS = 8


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """What the machine's own resolver answers."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads(), _look_up, host, port)


async def resolve(resolver: Resolver, host: str, port: int) -> Sequence[str]:
    """Ask `resolver` within the deadline; OutboundFailed when there is no answer."""
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            found = await resolver(host, port)
    except (OSError, TimeoutError, UnicodeError):
        found = ()
    if not found:
        raise OutboundFailed("unreachable", f"the name {host} could not be resolved")
    return found


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="resolver")
