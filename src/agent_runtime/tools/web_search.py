"""Searches the web with the first provider of a list that answers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from agent_runtime.domain.errors import ToolFailed
from agent_runtime.tools import call_environment

MOST_RESULTS = 20
_PROVIDER_SECONDS = 15.0
_TITLE_CHARACTERS = 300
_TEXT_CHARACTERS = 1_000
_KNOWN = {
    "InvalidAPIKeyError": "it refuses the key",
    "MissingAPIKeyError": "it needs a key",
    "UsageLimitExceededError": "the key's limit is used up",
    "ForbiddenError": "it refuses the request",
    "BadRequestError": "it refuses the request",
    "RatelimitException": "it asks to wait",
}
_log = structlog.get_logger("tools.web_search")


@dataclass(frozen=True)
class Found:
    """One result."""

    title: str
    address: str
    text: str


Provider = Callable[[str, int], Awaitable[Sequence[Found]]]


@dataclass(frozen=True)
class WebSearch:
    """Providers in the order of trying. One that fails, is late or finds nothing is followed by the next."""

    providers: Mapping[str, Provider] = field(default_factory=dict)
    seconds: float = _PROVIDER_SECONDS

    async def find(self, query: str, most: int) -> Sequence[Found]:
        """The results of the first provider that has some. Raises ToolFailed when every one failed."""
        failures: list[str] = []
        for name, search in self.providers.items():
            try:
                async with asyncio.timeout(self.seconds):
                    found = await search(query, most)
            except Exception as error:  # noqa: BLE001 - providers fail in ways of their own; the next one is asked
                reason = _reason(error, self.seconds)
                _log.warning("search_provider_failed", provider=name, error=f"{type(error).__name__}: {error}"[:300])
                failures.append(f"{name}: {reason}")
                continue
            if found:
                return found[:most]
        if len(failures) == len(self.providers):
            raise ToolFailed(_all_failed(failures))
        return []


def _all_failed(failures: Sequence[str]) -> str:
    if not failures:
        return "the web cannot be searched: no provider is set; an operator sets TAVILY_API_KEY or PAR_WEB_SEARCH"
    return (
        f"the web cannot be searched now ({'; '.join(failures)}); try again later, or read a known address with "
        "read_url. An operator sets providers with PAR_WEB_SEARCH and TAVILY_API_KEY"
    )


def _reason(error: Exception, seconds: float) -> str:
    """In words that give away nothing of the network or of a key: what a provider's error says is for the log alone."""
    if isinstance(error, TimeoutError):
        return f"no answer in {seconds:g} s"
    kind = type(error).__name__
    status = getattr(getattr(error, "response", None), "status_code", None)
    words = _KNOWN.get(kind) or (f"it answered with status {status}" if status else "it could not be reached")
    return f"{words} ({kind})"


def open_web_search(order: Sequence[str], keys: Mapping[str, str]) -> WebSearch:
    """The providers named in `order`; unless some are, Tavily when it has a key, then DuckDuckGo."""
    key = keys.get("TAVILY_API_KEY")
    chosen = list(order) or (["tavily"] if key else []) + ["duckduckgo"]
    providers: dict[str, Provider] = {}
    for name in chosen:
        if name == "tavily":
            if key:
                providers[name] = _tavily(key, keys.get("TAVILY_BASE_URL"))
        else:
            providers[name] = _ddgs(name)
    return WebSearch(providers)


async def web_search(query: str, max_results: int = 5) -> str:
    """Results as a numbered list. Raises ToolFailed."""
    search = call_environment.current().services.search
    if search is None:
        raise ToolFailed("this deployment does not search the web")
    return as_text(await search.find(query, max_results))


def as_text(found: Sequence[Found]) -> str:
    """The results as the model reads them."""
    if not found:
        return "Nothing was found."
    return "\n\n".join(
        f"{number}. {_line(each.title, _TITLE_CHARACTERS)}\n   {_line(each.address, 2_048)}\n   "
        f"{_line(each.text, _TEXT_CHARACTERS)}"
        for number, each in enumerate(found, 1)
    )


def _line(text: str, most: int) -> str:
    shown = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def _tavily(key: str, base_url: str | None) -> Provider:
    async def search(query: str, most: int) -> Sequence[Found]:
        from tavily import AsyncTavilyClient  # type: ignore[import-untyped]

        async with AsyncTavilyClient(api_key=key, api_base_url=base_url) as client:
            answer = await client.search(query, max_results=most, timeout=_PROVIDER_SECONDS)
        return [_found(each, "title", "url", "content") for each in answer.get("results") or []]

    return search


def _ddgs(backend: str) -> Provider:
    """DuckDuckGo and its like have no API: the library reads their pages, which works as long as they let it."""

    def in_a_thread(query: str, most: int) -> list[dict[str, Any]]:
        from ddgs import DDGS
        from ddgs.exceptions import DDGSException

        try:
            return list(DDGS(timeout=10).text(query, backend=backend, max_results=most))
        except DDGSException as error:
            if "No results" in str(error):
                return []
            raise

    async def search(query: str, most: int) -> Sequence[Found]:
        rows = await asyncio.to_thread(in_a_thread, query, most)
        return [_found(each, "title", "href", "body") for each in rows]

    return search


def _found(row: Mapping[str, Any], title: str, address: str, text: str) -> Found:
    return Found(*(str(row.get(name) or "") for name in (title, address, text)))
