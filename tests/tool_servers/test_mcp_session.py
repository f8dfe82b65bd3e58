"""A session with a server that misbehaves in every way: each ends in time and with the right words."""

import time

import pytest

from agent_runtime.safe_http import PUBLIC_ONLY, SafeTransport
from agent_runtime.tool_servers.connection import (
    Binary,
    CallLost,
    CallRefused,
    ServerConnection,
    ServerUnavailable,
)
from agent_runtime.tool_servers.http_guard import SessionGone
from agent_runtime.tool_servers.mcp_session import connect
from tests.support.tool_server import ToolServer
from tests.tool_servers.conftest import OpenSession


async def test_tools_are_listed_and_called_with_the_key_in_meta_and_header(
    tool_server: ToolServer, open_session: OpenSession
) -> None:
    session = await open_session(headers={"X-Team": "blue"})
    assert [tool.name for tool in (await session.list_tools()).tools] == ["echo"]
    answer = await session.call("echo", {"config": 1, "self": 2, "runtime": 3}, "task-1:call-1")
    assert answer.parts == ['{"config": 1, "runtime": 3, "self": 2}']
    (made,) = tool_server.ledger("before")
    assert (made["key"], made["headers"]["idempotency-key"]) == ("task-1:call-1", "task-1:call-1")
    assert made["headers"]["x-team"] == "blue"
    assert "authorization" not in made["headers"]


async def test_the_token_goes_to_its_origin_and_comes_back_hidden(
    tool_server: ToolServer, open_session: OpenSession
) -> None:
    tool_server.change(token="s3cret-token-of-crm")
    session = await open_session(token="s3cret-token-of-crm")
    answer = await session.call("headers", {}, "key")
    assert "s3cret" not in str(answer.parts)
    assert "Bearer (hidden)" in str(answer.parts)


async def test_a_missing_token_is_named_and_nothing_of_the_401_is_followed(
    tool_server: ToolServer, open_session: OpenSession
) -> None:
    tool_server.change(token="s3cret-token-of-crm")
    with pytest.raises(ServerUnavailable, match=r"crm cannot be used: .*HTTP 401: its auth_token is missing"):
        await open_session()


@pytest.mark.parametrize("location", ["http://169.254.169.254/latest/", "/elsewhere"])
async def test_a_redirect_is_refused(tool_server: ToolServer, open_session: OpenSession, location: str) -> None:
    tool_server.change(fault="redirect", location=location)
    with pytest.raises(ServerUnavailable, match="redirect, which is not followed"):
        await open_session()


async def test_a_server_that_drips_ends_at_the_deadline(tool_server: ToolServer, open_session: OpenSession) -> None:
    session = await open_session(timeout_seconds=1.0)
    tool_server.change(fault="drip")
    began = time.monotonic()
    with pytest.raises(CallLost, match="did not answer within 1 s"):
        await session.call("echo", {}, "key")
    with pytest.raises(ServerUnavailable, match=r"in time|did not answer"):
        await session.list_tools()
    with pytest.raises(ServerUnavailable, match="no answer within"):
        await open_session(timeout_seconds=1.0)
    assert time.monotonic() - began < 9


async def test_a_tool_that_never_returns_ends_at_the_deadline_and_the_session_goes_on(
    tool_server: ToolServer, open_session: OpenSession
) -> None:
    session = await open_session(timeout_seconds=1.0)
    with pytest.raises(CallLost, match="did not answer within 1 s"):
        await session.call("never", {}, "key-1")
    assert (await session.call("echo", {"a": 1}, "key-2")).parts == ['{"a": 1}']


@pytest.mark.parametrize(("tool", "effects"), [("die_before", 0), ("die_after", 1)])
async def test_a_server_that_dies_in_a_call_is_noticed_long_before_the_deadline(
    tool_server: ToolServer, open_session: OpenSession, tool: str, effects: int
) -> None:
    session = await open_session(timeout_seconds=60.0)
    began = time.monotonic()
    with pytest.raises(CallLost, match="crm"):
        await session.call(tool, {}, "key")
    assert time.monotonic() - began < 10
    assert len(tool_server.ledger("effect")) == effects


async def test_a_server_that_is_away_or_came_back_made_no_call(
    tool_server: ToolServer, open_session: OpenSession
) -> None:
    session = await open_session()
    tool_server.kill()
    with pytest.raises(ServerUnavailable):
        await session.call("echo", {}, "key")
    assert session.lost
    tool_server.start()
    forgotten = await open_session()
    tool_server.kill()
    tool_server.start()
    with pytest.raises(SessionGone):
        await forgotten.call("echo", {}, "key")
    assert forgotten.lost
    assert tool_server.ledger() == []


async def test_a_failing_status_in_a_call_leaves_its_effect_unknown(
    tool_server: ToolServer, open_session: OpenSession
) -> None:
    session = await open_session()
    await session.list_tools()
    tool_server.change(fault="broken")
    with pytest.raises(CallLost, match="HTTP 500"):
        await session.call("echo", {}, "key")
    tool_server.change(fault=None)
    again = await open_session()
    await again.list_tools()
    tool_server.change(fault="garbage")
    with pytest.raises(CallLost):
        await again.call("echo", {}, "key")


async def test_a_result_over_the_limit_is_dropped(tool_server: ToolServer, open_session: OpenSession) -> None:
    session = await open_session()
    with pytest.raises(CallRefused, match="over 1048576 bytes"):
        await session.call("big", {}, "key")
    assert (await session.call("echo", {}, "key-2")).parts == ["{}"]


async def test_a_tool_that_fails_says_so_and_bytes_stay_bytes(
    tool_server: ToolServer, open_session: OpenSession
) -> None:
    session = await open_session()
    failed = await session.call("fail", {}, "key")
    assert (failed.is_error, "this tool always fails" in str(failed.parts)) == (True, True)
    image, blob, text = (await session.call("image", {}, "key-2")).parts
    assert isinstance(image, Binary)
    assert isinstance(blob, Binary)
    assert (image.content_type, image.data[:4], blob.data, blob.name, text) == (
        "image/png",
        b"\x89PNG",
        b"\x00\x01\x02",
        "report.bin",
        "two files",
    )


async def test_what_a_server_wishes_of_its_client_is_refused(
    tool_server: ToolServer, open_session: OpenSession
) -> None:
    session = await open_session()
    (text,) = (await session.call("wishes", {}, "key")).parts
    assert str(text).count("refused") == 2
    assert "not supported" in str(text)


async def test_loopback_is_refused_where_it_is_not_allowed(tool_server: ToolServer) -> None:
    with pytest.raises(ServerUnavailable, match="not a public address"):
        await connect(ServerConnection("crm", tool_server.url), lambda: SafeTransport(PUBLIC_ONLY))
    assert tool_server.ledger() == []
