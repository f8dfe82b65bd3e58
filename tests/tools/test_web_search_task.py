"""A task searches the web: a real worker, the provider's own library, and a server that speaks for the provider."""

import json
from pathlib import Path

import pytest

from tests.support.processes import fleet
from tests.support.tasks import TaskBook, script
from tests.support.waiting import eventually_sync
from tests.tools.web_server import Handler, WebServer


@pytest.mark.timeout(60)
def test_a_task_searches_with_the_second_provider_when_the_first_fails(
    database_url: str, tmp_path: Path, web: WebServer
) -> None:
    def answer(handler: Handler) -> None:
        rows = [{"title": "Tides", "url": "https://t.example", "content": "Twice a day", "score": 0.9}]
        handler.answer(200, json.dumps({"results": rows}).encode(), {"Content-Type": "application/json"})

    web.serve_by("/search", answer)
    book = TaskBook(database_url)
    book.add_agent("searcher", config={"allowed_tools": ["web_search"]})
    with fleet(book.url, tmp_path) as system:
        system.environment |= {
            "PAR_WEB_SEARCH": "duckduckgo,tavily",
            "DDGS_PROXY": "http://127.0.0.1:9",  # the first provider is never reached
            "TAVILY_API_KEY": "tvly-key",
            "TAVILY_BASE_URL": web.address,
        }
        worker = system.worker()
        search = {"tool": "web_search", "args": {"query": "when do tides rise", "max_results": 3}}
        task_id = book.submit(script(search, {"text": "done"}), agent_id="searcher")
        eventually_sync(lambda: book.task(task_id)["status"] == "completed", "the task completes", seconds=40)
        assert [entry["provider"] for entry in worker.log("search_provider_failed")] == ["duckduckgo"]
    (row,) = book.rows(
        "select convert_from(m.body, 'UTF8') as body from par.messages m join par.events e on e.task_id = m.task_id"
        " and e.message_sequence = m.sequence and e.kind = 'tool_result' where m.task_id = %(id)s",
        id=task_id,
    )
    assert "1. Tides" in row["body"]
    assert "https://t.example" in row["body"]
    ((path, sent),) = web.requests
    assert path == "/search"
    assert (json.loads(sent)["query"], json.loads(sent)["max_results"]) == ("when do tides rise", 3)
