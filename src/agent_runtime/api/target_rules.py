"""Addresses that clients name for later use: refused at once when they can be seen to lead where they must not."""

import asyncio
from collections.abc import Mapping

from agent_runtime.api.problem import FieldError, invalid
from agent_runtime.api.runtime import Runtime
from agent_runtime.domain.errors import AddressRefused

Location = tuple[str | int, ...]


async def require_targets(runtime: Runtime, urls: Mapping[Location, str]) -> None:
    """Raise Problem 422 that names every field whose URL may not be called; each URL is looked at once."""
    from agent_runtime.safe_http import check_target, targets_from

    targets = targets_from(runtime.settings, loopback=True)
    distinct = sorted(set(urls.values()))
    found = await asyncio.gather(*(check_target(url, targets) for url in distinct), return_exceptions=True)
    refused = {url: error for url, error in zip(distinct, found, strict=True) if error is not None}
    for error in refused.values():
        if not isinstance(error, AddressRefused):
            raise error
    if refused:
        raise invalid([FieldError(place, str(refused[url])) for place, url in urls.items() if url in refused][:20])
