"""Requests that are made to exhaust the server are turned away quickly, and its memory stays as it was."""

import http.client
import json
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.support.database import TestServer
from tests.support.processes import ApiProcess, fleet

SECONDS = 5.0  # a second on an idle machine
GROWTH_BYTES = 150_000_000
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def server(database_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiProcess]:
    url = database_server.create_database()
    with fleet(url, tmp_path_factory.mktemp("api")) as ours:
        yield ours.api()
    database_server.drop_database(url)


def many_keys(size: int) -> bytes:
    """An object with as many keys as fit."""
    parts, number = [b'{"k":0'], 0
    while size > 20:
        part = b',"%x":0' % number
        parts.append(part)
        number += 1
        size -= len(part)
    return b"".join(parts) + b"}"


BODIES = {
    "keys in one task": ("/v1/tasks", many_keys(MEGABYTE - 100)),
    "a million keys in a batch": ("/v1/tasks/batch", many_keys(16 * MEGABYTE - 100)),
    "a million tasks in a batch": ("/v1/tasks/batch", b'{"tasks":[' + b",".join([b"{}"] * 1_000_000) + b"]}"),
    "keys with escapes": ("/v1/tasks/batch", b'{"\\u0041":1,' + many_keys(8 * MEGABYTE)[1:]),
    "deep": ("/v1/tasks", b'{"input":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "deep objects": ("/v1/tasks", b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
    "deep with escapes": ("/v1/tasks", b'{"a":"\\u0041","input":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "deep in a config": (
        "/v1/agents",
        b'{"display_name":"x","agent_config":{"provider":"scripted","model":"default","output_schema":'
        + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}}",
    ),
    "deep in a batch": ("/v1/tasks/batch", b'{"tasks":' + b"[" * 5_000_000 + b"]" * 5_000_000 + b"}"),
    "a number without end": ("/v1/tasks", b'{"max_steps":' + b"9" * 1_000_000 + b"}"),
    "a text of escapes": ("/v1/tasks/batch", b'{"tasks":"' + b"\\ud83d\\ude00" * 1_000_000 + b'"}'),
    "a tower of labels": (
        "/v1/tasks",
        json.dumps({"agent_id": "a", "input": "x", "labels": {f"l{n}": "v" for n in range(50_000)}}).encode(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.timeout(60)
def test_a_monstrous_body_is_refused_quickly_and_leaves_the_memory_as_it_was(server: ApiProcess, name: str) -> None:
    path, body = BODIES[name]
    process = psutil.Process(server.pid)
    before = process.memory_info().rss
    for _ in range(3):
        began = time.monotonic()
        status, answer = post(server, path, body)
        assert 400 <= status < 500, (status, answer[:300])
        assert time.monotonic() - began < SECONDS
        assert len(answer) < 20_000, "the answer does not echo the body"
    assert process.memory_info().rss - before < GROWTH_BYTES
    assert server.call("GET", "/v1/health/live").status == 200


def post(server: ApiProcess, path: str, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(server.base_url.removeprefix("http://"), timeout=30)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_body_without_end_is_cut_off(server: ApiProcess) -> None:
    connection = http.client.HTTPConnection(server.base_url.removeprefix("http://"), timeout=30)
    before = psutil.Process(server.pid).memory_info().rss
    connection.putrequest("POST", "/v1/tasks/batch")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    sent = 0
    part = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    try:
        while sent < 500 * MEGABYTE:
            connection.send(part)
            sent += 65_536
    except OSError:
        pass  # the server has closed the connection
    connection.close()
    assert sent < 60 * MEGABYTE
    assert psutil.Process(server.pid).memory_info().rss - before < GROWTH_BYTES


@pytest.mark.parametrize(
    "query",
    ["limit=1000000000", "limit=-1", "limit=" + "9" * 5_000, "cursor=" + "A" * 30_000, "status=" + "x" * 60_000,
     "&".join(["status=queued"] * 5_000), "&".join(f"a{n}=1" for n in range(5_000))],
)  # fmt: skip
def test_a_monstrous_query_is_refused_quickly(server: ApiProcess, query: str) -> None:
    began = time.monotonic()
    answer = server.call("GET", f"/v1/tasks?{query}")
    assert 400 <= answer.status < 500, (answer.status, str(answer.body)[:300])
    assert time.monotonic() - began < SECONDS
    assert len(str(answer.body)) < 20_000


def test_others_are_served_while_monstrous_bodies_come(server: ApiProcess) -> None:
    """One request at a time may keep the loop busy, for less than a beat."""
    path, body = BODIES["a million tasks in a batch"]
    assert post(server, path, body)[0] == 413
    began = time.monotonic()
    assert server.call("GET", "/v1/tasks").status == 200
    assert time.monotonic() - began < SECONDS
