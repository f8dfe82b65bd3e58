"""The web is searched with the first provider that answers."""

import asyncio
import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from agent_runtime.config import load
from agent_runtime.domain.errors import ConfigurationError, ToolFailed
from agent_runtime.tools.web_search import Found, WebSearch, as_text, open_web_search
from tests.tools.web_server import Handler, WebServer

ONE = Found("One", "https://one.example", "first")


async def finds(_query: str, most: int) -> Sequence[Found]:
    return [ONE] * (most + 5)


async def nothing(_query: str, _most: int) -> Sequence[Found]:
    return []


async def fails(_query: str, _most: int) -> Sequence[Found]:
    raise ConnectionError("secret details of the network")


async def hangs(_query: str, _most: int) -> Sequence[Found]:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize("first", [fails, hangs, nothing])
async def test_the_next_provider_is_asked_when_one_fails_hangs_or_finds_nothing(first: Any) -> None:
    search = WebSearch({"first": first, "second": finds}, seconds=0.05)
    assert list(await search.find("tides", 3)) == [ONE] * 3


async def test_when_all_fail_the_model_is_told_which_and_no_more() -> None:
    with pytest.raises(ToolFailed) as caught:
        await WebSearch({"first": fails, "second": hangs}, seconds=0.05).find("tides", 3)
    assert str(caught.value).startswith(
        "the web cannot be searched now (first: it could not be reached (ConnectionError); second: no answer in 0.05 s)"
    )
    assert "secret" not in str(caught.value)
    with pytest.raises(ToolFailed, match="no provider is set; an operator sets TAVILY_API_KEY"):
        await WebSearch({}).find("tides", 3)


async def test_finding_nothing_is_no_failure() -> None:
    assert as_text(await WebSearch({"first": fails, "second": nothing}).find("tides", 3)) == "Nothing was found."


def test_results_are_lines_of_bounded_length() -> None:
    text = as_text([Found("A\n\x1b[2Jtitle", "https://a.example", "x" * 5_000)])
    assert text.startswith("1. A [2Jtitle\n   https://a.example\n   xxx")
    assert len(text) < 1_100


async def test_tavily_is_asked_when_it_has_a_key(web: WebServer) -> None:
    def answer(handler: Handler) -> None:
        rows = [{"title": "Tides", "url": "https://t.example", "content": "Twice a day", "score": 0.9}]
        handler.answer(200, json.dumps({"results": rows}).encode(), {"Content-Type": "application/json"})

    web.serve_by("/search", answer)
    search = open_web_search((), {"TAVILY_API_KEY": "tvly-key", "TAVILY_BASE_URL": web.address})
    assert list(search.providers) == ["tavily", "duckduckgo"]
    assert list(await search.find("tides", 4)) == [Found("Tides", "https://t.example", "Twice a day")]
    assert json.loads(web.requests[0][1])["max_results"] == 4


async def test_duckduckgo_is_read_from_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    page = """<html><body><div class="result body"><h2>Tides</h2><a href="https://t.example">Twice a day</a></div>
    <div class="body"><h2>Ad</h2><a href="https://duckduckgo.com/y.js?x">Buy</a></div></body></html>"""
    asked: list[Any] = []

    def answer(_self: Any, method: str, url: str, **options: Any) -> Any:
        asked.append((method, url, options["data"]["q"]))
        return SimpleNamespace(status_code=200, text=page)

    monkeypatch.setattr("ddgs.http_client.HttpClient.request", answer)
    search = open_web_search((), {})
    assert list(search.providers) == ["duckduckgo"]
    assert list(await search.find("tides", 5)) == [Found("Tides", "https://t.example", "Twice a day")]
    assert asked[0] == ("POST", "https://html.duckduckgo.com/html/", "tides")


async def test_a_search_engine_that_is_away_is_a_failure_of_the_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_self: Any, *_: Any, **__: Any) -> Any:
        from ddgs.exceptions import DDGSException

        raise DDGSException("connection refused")

    monkeypatch.setattr("ddgs.http_client.HttpClient.request", answer)
    with pytest.raises(ToolFailed, match=r"duckduckgo: it could not be reached \(DDGSException\)"):
        await open_web_search((), {}).find("tides", 5)


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "it refuses the key"), (429, "the key's limit is used up"), (503, "it answered with status 503")],
)
async def test_what_a_provider_refuses_is_said_in_words(web: WebServer, status: int, words: str) -> None:
    body = b'{"detail": {"error": "internal details"}}'
    web.serve("/search", body, "application/json", status)
    search = open_web_search(("tavily",), {"TAVILY_API_KEY": "tvly-key", "TAVILY_BASE_URL": web.address})
    with pytest.raises(ToolFailed) as caught:
        await search.find("tides", 4)
    assert f"tavily: {words}" in str(caught.value)
    assert not any(hidden in str(caught.value) for hidden in ("internal details", "tvly-key", "127.0.0.1"))


def test_the_order_of_providers_is_a_setting() -> None:
    settings = load({"PAR_WEB_SEARCH": "duckduckgo, tavily", "TAVILY_API_KEY": "k", "PAR_ENV_FILE": ""})
    assert list(open_web_search(settings.web_search, settings.tool_environment).providers) == ["duckduckgo", "tavily"]
    assert settings.child_environment()["TAVILY_API_KEY"] == "k"
    with pytest.raises(ConfigurationError, match="PAR_WEB_SEARCH"):
        load({"PAR_WEB_SEARCH": "altavista", "PAR_ENV_FILE": ""})
