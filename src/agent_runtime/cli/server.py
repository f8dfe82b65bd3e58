"""Which server this command talks to, and running one conversation with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from agent_runtime.client import ClientOptions, JsonObject, RuntimeClient
    from agent_runtime.config import Settings

Answer = TypeVar("Answer")


def ask(work: Callable[[RuntimeClient], Awaitable[Answer]]) -> Answer:
    """Run `work` with a client of the configured server and answer its result."""
    from agent_runtime.config import load

    return ask_at(client_options(load()), work)


def ask_at(options: ClientOptions, work: Callable[[RuntimeClient], Awaitable[Answer]]) -> Answer:
    """Run `work` with a client of the server at `options.url`."""
    from agent_runtime.client import RuntimeClient

    async def conversation() -> Answer:
        async with RuntimeClient(options) as client:
            return await work(client)

    return asyncio.run(conversation())


def client_options(settings: Settings) -> ClientOptions:
    """PAR_URL when set, else the system that runs here, else where it would run; with PAR_API_KEY or the operator's."""
    from agent_runtime.client import ClientOptions

    url = server_url(settings)
    return ClientOptions(url=url, api_key=credential(settings, url))


def credential(settings: Settings, url: str) -> str | None:
    """PAR_API_KEY; without it, the operator's for the system that runs here, which no other server is sent."""
    from agent_runtime.embedded.layout import layout_of
    from agent_runtime.embedded.operator_key import kept_operator_key

    if settings.api_key is not None or url.rstrip("/") != running_url(settings):
        return settings.api_key
    return kept_operator_key(settings, layout_of(settings))


def server_url(settings: Settings) -> str:
    return settings.url or running_url(settings) or settings.api_url


def running_url(settings: Settings) -> str | None:
    """Address of the API that runs from this data directory, if one does."""
    from agent_runtime.embedded.layout import layout_of
    from agent_runtime.embedded.state import running_state

    state = running_state(layout_of(settings))
    return None if state is None else state.api_url


async def gather(rows: AsyncIterator[JsonObject]) -> list[JsonObject]:
    return [row async for row in rows]
