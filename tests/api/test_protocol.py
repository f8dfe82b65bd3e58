"""What every route does alike: problems, sizes, types of content, who may come in."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

JSON = {"Content-Type": "application/json"}


def is_problem(answer: httpx.Response, status: int) -> bool:
    body = answer.json()
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["status"] == status
    assert {"type", "title", "detail", "code"} <= set(body)
    assert body["request_id"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    return True


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/v1/tasks/", "/v0/tasks", "/v1/stats/"])
async def test_an_unknown_path_is_a_problem(api: httpx.AsyncClient, path: str) -> None:
    assert is_problem(await api.get(path), 404)


async def test_a_wrong_method_is_a_problem(api: httpx.AsyncClient) -> None:
    assert is_problem(await api.put("/v1/tasks", json={}), 405)


@pytest.mark.parametrize(
    "body",
    [b"{", b"nonsense", b'{"a":1}x', b"\xff\xfe", b'{"input": "\xff"}', b'{"agent_id": NaN0}', b"[" * 15_000,
     b'{"a":' * 20_000],
)  # fmt: skip
async def test_what_is_not_json_is_400(api: httpx.AsyncClient, body: bytes) -> None:
    assert is_problem(await api.post("/v1/tasks", content=body, headers=JSON), 400)


@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'"text"', b"{}"])
async def test_json_of_another_shape_is_422(api: httpx.AsyncClient, body: bytes) -> None:
    assert is_problem(await api.post("/v1/tasks", content=body, headers=JSON), 422)


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000, b"1e400"])
async def test_numbers_that_are_none_are_refused(api: httpx.AsyncClient, value: bytes) -> None:
    body = b'{"agent_id":"a","input":"x","max_steps":' + value + b"}"
    answer = await api.post("/v1/tasks", content=body, headers=JSON)
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("escape", [b"\\ud800", b"\\udfff", b"x\\udc00y", b"\\u0000"])
async def test_text_that_cannot_be_stored_names_its_field(api: httpx.AsyncClient, escape: bytes) -> None:
    answer = await api.post("/v1/tasks", content=b'{"agent_id":"a","input":"' + escape + b'"}', headers=JSON)
    assert is_problem(answer, 422)
    assert answer.json()["errors"][0]["loc"] == ["body", "input"]


async def test_escaped_surrogate_pairs_are_text(api: httpx.AsyncClient, agent: str) -> None:
    body = b'{"agent_id":"research","input":"\\ud83d\\ude00 \\\\u0000"}'
    answer = await api.post("/v1/tasks", content=body, headers=JSON)
    assert answer.status_code == 201
    assert (await api.get(f"/v1/tasks/{answer.json()['task_id']}")).json()["input"] == "😀 \\u0000"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
async def test_a_body_must_say_that_it_is_json(api: httpx.AsyncClient, kind: str) -> None:
    assert is_problem(await api.post("/v1/tasks", content=b"{}", headers={"Content-Type": kind}), 415)


async def test_an_endless_body_is_cut(api: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 200_000_000:
            sent += 65_536
            yield b" " * 65_536

    assert is_problem(await api.post("/v1/agents", content=endless(), headers=JSON), 413)
    assert sent < 2_000_000


async def test_a_large_body_is_refused_by_its_length(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/tasks", content=b"x" * 1_048_577, headers=JSON)
    assert is_problem(answer, 413)
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "10.0.0.1", ""])
async def test_another_host_is_refused(api: httpx.AsyncClient, host: str) -> None:
    assert is_problem(await api.get("/v1/health", headers={"Host": host}), 403)


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST"])
async def test_the_loopback_host_is_let_in(api: httpx.AsyncClient, host: str) -> None:
    assert (await api.get("/v1/health", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://"])
async def test_another_origin_is_refused(api: httpx.AsyncClient, origin: str) -> None:
    assert is_problem(await api.get("/v1/tasks", headers={"Origin": origin}), 403)


async def test_the_own_origin_is_let_in(api: httpx.AsyncClient) -> None:
    assert (await api.get("/v1/tasks", headers={"Origin": "http://127.0.0.1:8080"})).status_code == 200


@pytest.mark.parametrize("value", ["Bearer par_x_y", "Basic eDp5", ""])
async def test_any_key_is_a_wrong_key(api: httpx.AsyncClient, value: str) -> None:
    assert is_problem(await api.get("/v1/tasks", headers={"Authorization": value}), 401)


async def test_security_headers_are_on_all_answers(api: httpx.AsyncClient) -> None:
    for path in ("/v1/health", "/nothing", "/v1/tasks?limit=0", "/docs"):
        headers = (await api.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=1e2", "limit=5.0", "limit=true", "limit=-1", "limit=", "cursor=x", "cursor=",
     "status=sleeping", "batch_id=x", "created_after=yesterday", "colour=red", "agent_id=%00", "q=%00", "label=%00",
     "limit=99999999999999999999", "q=%ff%fe"],
)  # fmt: skip
async def test_a_wrong_list_parameter_is_422(api: httpx.AsyncClient, query: str) -> None:
    answer = await api.get(f"/v1/tasks?{query}")
    if query == "q=%ff%fe":
        assert answer.status_code in (200, 422)
        return
    assert is_problem(answer, 422)
    assert answer.json()["errors"][0]["loc"][0] == "query"


@pytest.mark.parametrize("task_id", ["x", "019af0d0-0000-7000-8000-000000000000", "%00", "a" * 5000, "..%2f"])
@pytest.mark.parametrize("action", ["", "/events", "/runs", "/checkpoints", "/activity", "/stream"])
async def test_an_unknown_task_is_404_however_it_is_spelled(api: httpx.AsyncClient, task_id: str, action: str) -> None:
    assert is_problem(await api.get(f"/v1/tasks/{task_id}{action}"), 404)


@pytest.mark.parametrize("action", ["cancel", "redrive", "resume", "follow-up"])
async def test_actions_on_unknown_tasks_are_404(api: httpx.AsyncClient, action: str) -> None:
    body: dict[str, Any] = {"message": "x"} if action == "follow-up" else {}
    for task_id in ("x", "019af0d0-0000-7000-8000-000000000000"):
        assert is_problem(await api.post(f"/v1/tasks/{task_id}/{action}", json=body), 404)


async def test_the_document_and_its_page_load_nothing_from_outside(api: httpx.AsyncClient) -> None:
    document = await api.get("/openapi.json")
    assert document.status_code == 200
    assert "/v1/tasks/{task_id}/cancel" in document.json()["paths"]
    page = await api.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/tasks", "GET, POST"),
        ("POST", "/v1/agents/any", "DELETE, GET, PATCH, PUT"),
        ("GET", "/v1/models/openai/any", "DELETE, PATCH"),
        ("GET", "/v1/tasks/any/cancel", "POST"),
    ],
)
async def test_a_wrong_method_is_told_all_that_the_path_takes(
    api: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await api.request(method, path)
    assert is_problem(answer, 405)
    assert answer.headers["allow"] == allowed
    assert allowed in answer.json()["detail"]


async def test_no_header_is_sent_twice(api: httpx.AsyncClient, task: str) -> None:
    await api.post(f"/v1/tasks/{task}/cancel")
    for path in ("/v1/tasks", f"/v1/tasks/{task}/stream", "/docs"):
        names = [name.lower() for name, _ in (await api.get(path)).headers.raw]
        assert len(names) == len(set(names)), path


async def test_an_empty_text_is_called_short_in_characters(api: httpx.AsyncClient, agent: str) -> None:
    body = (await api.post("/v1/tasks", json={"agent_id": agent, "input": ""})).json()
    assert body["errors"] == [{"loc": ["body", "input"], "msg": "must have at least 1 character"}]
    query = (await api.get("/v1/tasks?q=")).json()
    assert query["errors"] == [{"loc": ["query", "q"], "msg": "must have at least 1 character"}]
