"""Whole answers through the safe client, from local servers that behave and that do not."""

import asyncio
import gzip
import time
import zlib
from collections.abc import AsyncIterator

import pytest

from agent_runtime.domain.errors import AddressRefused, OutboundFailed
from agent_runtime.safe_http import PUBLIC_ONLY, FetchLimits, SafeClient, Targets
from tests.support.model_server_http import Request
from tests.support.raw_server import Answer, plain, raw_server

SMALL = FetchLimits(seconds=5.0, body_bytes=100_000)


@pytest.fixture
async def client() -> AsyncIterator[SafeClient]:
    async with SafeClient(Targets(loopback=True)) as opened:
        yield opened


def says(answer: bytes) -> Answer:
    async def write(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return write


async def test_an_answer_comes_whole(client: SafeClient) -> None:
    async with raw_server(says(plain(201, b"hello", content_type="text/plain"))) as server:
        fetched = await client.fetch("POST", server.url("/p?q=1"), headers={"x-word": "yes"}, content=b"body")
    assert (fetched.status, fetched.body, fetched.truncated) == (201, b"hello", False)
    assert fetched.headers["Content-Type"] == "text/plain"
    request = server.requests[0]
    assert (request.method, request.path, request.query, request.body) == ("POST", "/p", {"q": "1"}, b"body")
    assert (request.headers["x-word"], request.headers["host"]) == ("yes", f"127.0.0.1:{server.port}")


async def test_a_target_that_is_not_allowed_gets_no_connection() -> None:
    async with raw_server(says(plain(200))) as server, SafeClient(PUBLIC_ONLY) as client:
        with pytest.raises(AddressRefused, match="not a public address"):
            await client.fetch("GET", server.url())
    assert server.connections == 0


async def test_proxy_variables_are_ignored(client: SafeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with raw_server(says(plain(200, b"direct"))) as server, SafeClient(Targets(loopback=True)) as fresh:
        assert (await fresh.fetch("GET", server.url())).body == b"direct"


async def test_a_login_in_the_netrc_file_is_not_sent(client: SafeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_server(says(plain(200))) as server:
        await client.fetch("GET", server.url())
    assert "authorization" not in server.requests[0].headers


async def test_a_foreign_host_header_is_refused(client: SafeClient) -> None:
    async with raw_server(says(plain(200))) as server:
        with pytest.raises(AddressRefused, match="Host"):
            await client.fetch("GET", server.url(), headers={"Host": "internal.example"})
    assert server.connections == 0


async def test_a_body_beyond_the_cap_is_cut(client: SafeClient) -> None:
    async with raw_server(says(plain(200, b"x" * 300_000))) as server:
        fetched = await client.fetch("GET", server.url(), limits=SMALL)
    assert fetched.truncated
    assert fetched.body == b"x" * SMALL.body_bytes


async def test_an_endless_body_is_cut(client: SafeClient) -> None:
    async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1000\r\n" + b"y" * 4096 + b"\r\n")
            await writer.drain()

    async with raw_server(endless) as server:
        assert (await client.fetch("GET", server.url(), limits=SMALL)).truncated


async def test_a_gzip_bomb_is_unpacked_no_further_than_the_cap(client: SafeClient) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b"\0" * 1_000_000) for _ in range(500)) + packer.flush()
    async with raw_server(says(plain(200, bomb, content_encoding="gzip"))) as server:
        started = time.process_time()
        fetched = await client.fetch("GET", server.url(), limits=SMALL)
    assert fetched.truncated
    assert fetched.body == b"\0" * SMALL.body_bytes
    assert time.process_time() - started < 0.5


async def test_gzip_is_asked_for_and_unpacked(client: SafeClient) -> None:
    body = b"some text " * 50_000
    async with raw_server(says(plain(200, gzip.compress(body), content_encoding="gzip"))) as server:
        fetched = await client.fetch("GET", server.url(), headers={"accept-encoding": "br"})
    assert fetched.body == body
    assert server.requests[0].headers["accept-encoding"] == "gzip"
    assert "content-encoding" not in fetched.headers


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (plain(200, gzip.compress(gzip.compress(b"x")), content_encoding="gzip, gzip"), "encoded"),
        (plain(200, b"x", content_encoding="br"), "encoded"),
        (plain(200, b"no gzip", content_encoding="gzip"), "damaged"),
        (plain(200, gzip.compress(b"x" * 5000)[:-9], content_encoding="gzip"), "ends in its middle"),
        (b"HTTP/1.1 200 X\r\ncontent-length: 500\r\n\r\nshort", "broke the rules"),
        (b"HTTP/1.1 200 X\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef", "broke the rules"),
        (b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "broke the rules"),
        (b"no http at all\r\n\r\n", "broke the rules"),
        (b"", "broke the rules"),
        (b"HTTP/1.1 200 X\r\n" + b"x-a: " + b"b" * 200_000, "broke the rules"),
        (b"HTTP/1.1 200 X\r\n" + b"x-a: b\r\n" * 50_000, "broke the rules"),
    ],
)
async def test_an_answer_that_lies_is_an_error(client: SafeClient, answer: bytes, words: str) -> None:
    async with raw_server(says(answer)) as server:
        with pytest.raises(OutboundFailed, match=words):
            await client.fetch("GET", server.url(), limits=SMALL)


async def test_bytes_beyond_the_length_that_was_told_are_not_read(client: SafeClient) -> None:
    async with raw_server(says(b"HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\nabcdef")) as server:
        assert (await client.fetch("GET", server.url())).body == b"ab"


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 X\r\n", b"HTTP/1.1 200 X\r\ncontent-length: 1000\r\n\r\n"])
async def test_a_server_that_drips_ends_with_the_total_deadline(client: SafeClient, start: bytes) -> None:
    async def drip(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with raw_server(drip) as server:
        started = time.monotonic()
        with pytest.raises(OutboundFailed) as failure:
            await client.fetch("GET", server.url(), limits=FetchLimits(seconds=0.4))
    assert failure.value.code == "timeout"
    assert time.monotonic() - started < 3.0


async def test_a_closed_port_is_unreachable_and_no_address_is_told() -> None:
    async def resolver(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async with raw_server(says(plain(200))) as server:
        pass
    async with SafeClient(Targets(loopback=True), resolver=resolver) as client:
        with pytest.raises(OutboundFailed) as failure:
            await client.fetch("GET", server.url(host="dead.example"))
    assert failure.value.code == "unreachable"
    assert "dead.example" in str(failure.value)
    assert "127.0.0.1" not in f"{failure.value!r} {failure.value.__cause__!r}"
