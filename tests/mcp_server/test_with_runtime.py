"""A client of `par mcp serve` has real tasks done: an API, a worker and a database stand behind it."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from tests.mcp_server.test_mcp_server import over_http, over_stdio, text_of
from tests.support.processes import fleet
from tests.support.tasks import TaskBook, calculation, script

QUESTION = {"tool": "request_human_input", "args": {"prompt": "Which colour?"}}


@pytest.fixture
def runtime(database_url: str, tmp_path: Path) -> Iterator[str]:
    """Address of a runtime with an agent that asks before it calculates, and may ask a person."""
    book = TaskBook(database_url)
    tools = {"allowed_tools": ["calculator", "request_human_input"], "tool_policies": {"calculator": {"policy": "ask"}}}
    book.add_agent("painter", config=tools)
    with fleet(book.url, tmp_path) as system:
        api = system.api()
        system.worker()
        yield api.base_url


@asynccontextmanager
async def http_session(tmp_path: Path, **settings: str) -> AsyncIterator[ClientSession]:
    with over_http(tmp_path, **settings) as url:
        async with streamable_http_client(url) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            yield session


SESSIONS: dict[str, Any] = {"stdio": over_stdio, "http": http_session}


async def ask(session: ClientSession, tool: str, **arguments: Any) -> Any:
    result = await session.call_tool(tool, arguments)
    assert not result.isError, text_of(result)
    found = [json.loads(getattr(block, "text", "")) for block in result.content]
    return found if tool == "list_agents" else found[0]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", SESSIONS)
async def test_a_task_is_submitted_answered_twice_and_finished(way: str, runtime: str, tmp_path: Path) -> None:
    opened: AbstractAsyncContextManager[ClientSession] = SESSIONS[way](tmp_path, PAR_URL=runtime)
    async with opened as session:
        assert [agent["agent_id"] for agent in await ask(session, "list_agents")] == ["painter"]
        play = script(QUESTION, calculation("6*7"), {"text": "42 blue ones"})
        submitted = await ask(session, "submit_task", agent_id="painter", input=play, idempotency_key="once")
        again = await ask(session, "submit_task", agent_id="painter", input=play, idempotency_key="once")
        task_id = submitted["task_id"]
        assert again["task_id"] == task_id

        asked = await ask(session, "wait_for_task", task_id=task_id, timeout_seconds=30)
        assert (asked["status"], asked["pending_input_prompt"]) == ("waiting_for_input", "Which colour?")
        refused = await session.call_tool(
            "answer_human_request", {"task_id": task_id, "decision": "approve", "request_id": "another"}
        )
        assert refused.isError
        await ask(session, "answer_human_request", task_id=task_id, decision="respond", message="blue")
        asked = await ask(session, "wait_for_task", task_id=task_id, timeout_seconds=30)
        assert asked["status"] == "waiting_for_approval"
        assert asked["pending_approval_action"]["tool_name"] == "calculator"
        await ask(session, "answer_human_request", task_id=task_id, decision="approve")

        done = await ask(session, "wait_for_task", task_id=task_id, timeout_seconds=30)
        assert (done["status"], done["output"]["result"]) == ("completed", "42 blue ones")
        assert await ask(session, "get_task", task_id=task_id) == done
        missing = await session.call_tool("get_task", {"task_id": "0190aaaa-0000-7000-8000-000000000000"})
        assert missing.isError
        assert "there is no task" in text_of(missing)
