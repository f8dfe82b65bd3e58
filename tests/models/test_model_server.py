"""The test server itself: it must notice what it is there to notice."""

from pathlib import Path
from typing import Any

import httpx

from tests.support.model_server import running_model_server
from tests.support.model_server_process import model_server_process


def ask(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "x"}, *messages]}


def calls(*ids: str) -> dict[str, Any]:
    made = [{"id": call_id, "type": "function", "function": {"name": "t", "arguments": "{}"}} for call_id in ids]
    return {"role": "assistant", "content": None, "tool_calls": made}


def result(call_id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": "r"}


async def test_broken_histories_are_refused_and_written_down() -> None:
    broken = [
        ask(calls("a")),
        ask(calls("a"), {"role": "user", "content": "y"}),
        ask(calls("a", "b"), result("b"), result("a")),
        ask(calls("a"), result("a"), result("a")),
        ask(result("a")),
        ask(calls("a"), result("a"), calls("a"), result("a")),
        {"model": "m", "messages": [{"role": "system", "content": "s"}]},
    ]
    async with running_model_server() as server, httpx.AsyncClient() as client:
        for body in broken:
            answer = await client.post(f"{server.url}/v1/chat/completions", json=body)
            assert answer.status_code == 400, body
        whole = ask(calls("a", "b"), result("a"), result("b"))
        assert (await client.post(f"{server.url}/v1/chat/completions", json=whole)).status_code == 200
        assert len(server.book.violations) == len(broken)


async def test_modes_strike_as_often_as_told() -> None:
    async with running_model_server() as server, httpx.AsyncClient() as client:
        await client.post(f"{server.url}/__mode", json={"fault": "429", "count": 2, "retry_after": 1})
        answers = [await client.post(f"{server.url}/v1/chat/completions", json=ask()) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [429, 429, 200]
        assert answers[0].headers["retry-after"] == "1"


async def test_a_fault_in_a_script_strikes_as_often_as_it_says() -> None:
    text = '{"script": [{"text": "ok", "error": {"status": 500}, "times": 1}], "task": "mine"}'
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    async with running_model_server() as server, httpx.AsyncClient() as client:
        answers = [await client.post(f"{server.url}/v1/chat/completions", json=body) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [500, 200]
        assert [(entry.task, entry.step, entry.outcome) for entry in server.book.entries] == [
            ("mine", 0, "refused"), ("mine", 0, "answered"),
        ]  # fmt: skip


def test_it_runs_as_a_process_with_a_log_of_its_own(tmp_path: Path) -> None:
    with model_server_process(tmp_path / "bill.jsonl") as server:
        assert httpx.post(f"{server.url}/v1/chat/completions", json=ask()).status_code == 200
        assert server.log()[0]["outcome"] == "answered"
        assert server.violations() == []
    lines = (tmp_path / "bill.jsonl").read_text().splitlines()
    assert len(lines) == 2
