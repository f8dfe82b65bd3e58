"""Redirects: followed a few times, each checked like the first address, secrets left behind."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent_runtime.domain.errors import AddressRefused, OutboundFailed
from agent_runtime.safe_http import FetchLimits, SafeClient, Targets, transport
from tests.support.model_server_http import Request
from tests.support.raw_server import Answer, plain, raw_server
from tests.support.tls import tls_contexts

SECRETS = {"authorization": "Bearer secret", "cookie": "a=b", "x-api-key": "secret", "accept": "text/html"}


@pytest.fixture
async def client() -> AsyncIterator[SafeClient]:
    async with SafeClient(Targets(loopback=True)) as opened:
        yield opened


def redirects(location: str, status: int = 302, refresh: str = "") -> Answer:
    """Redirects everything but `/end`."""

    async def write(request: Request, writer: asyncio.StreamWriter) -> None:
        ended = request.path == "/end"
        writer.write(plain(200, b"end") if ended else plain(status, location=location, refresh=refresh))

    return write


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_a_get_is_followed(client: SafeClient, status: int) -> None:
    async with raw_server(redirects("/end", status)) as server:
        fetched = await client.fetch("GET", server.url("/start"), headers=SECRETS)
    assert (fetched.status, fetched.body, fetched.url) == (200, b"end", server.url("/end"))
    assert {name: server.requests[1].headers[name] for name in SECRETS} == SECRETS


async def test_a_redirect_to_what_is_no_url_is_an_error(client: SafeClient) -> None:
    async with raw_server(redirects("http://[::1")) as server:
        with pytest.raises(OutboundFailed):
            await client.fetch("GET", server.url())


async def test_a_redirect_from_https_to_http_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, trusting = tls_contexts(tmp_path, "secure.example")
    monkeypatch.setattr(transport, "_ssl_context", lambda: trusting)

    async def resolver(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async with (
        raw_server(redirects("unused")) as other,
        raw_server(redirects(other.url("/end", "secure.example")), ssl_context=context) as server,
        SafeClient(Targets(loopback=True), resolver=resolver) as client,
    ):
        with pytest.raises(AddressRefused, match="from https to http"):
            await client.fetch("GET", server.url(host="secure.example", scheme="https"))
    assert (len(server.requests), other.connections) == (1, 0)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_a_post_is_the_answer(client: SafeClient, status: int) -> None:
    async with raw_server(redirects("/end", status)) as server:
        fetched = await client.fetch("POST", server.url("/start"), content=b"x")
    assert (fetched.status, len(server.requests)) == (status, 1)


async def test_secrets_do_not_follow_to_another_origin(client: SafeClient) -> None:
    async with raw_server(redirects("unused")) as other, raw_server(redirects(other.url("/end"))) as server:
        fetched = await client.fetch("GET", server.url(), headers=SECRETS)
    assert fetched.url == other.url("/end")
    assert set(SECRETS) & set(other.requests[0].headers) == {"accept"}


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.169.254/",
        "http://10.0.0.1/",
        "http://[::ffff:10.0.0.1]/",
        "http://0x7f.1/",
        "http://user:password@127.0.0.1/",
        "http://127.0.0.1:22/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
    ],
)
async def test_a_redirect_to_what_is_not_allowed_is_refused(client: SafeClient, location: str) -> None:
    async with raw_server(redirects(location)) as server:
        with pytest.raises(AddressRefused):
            await client.fetch("GET", server.url())
    assert len(server.requests) == 1


async def test_the_fourth_redirect_is_an_error(client: SafeClient) -> None:
    async with raw_server(redirects("/again")) as server:
        with pytest.raises(OutboundFailed) as failure:
            await client.fetch("GET", server.url())
        assert failure.value.code == "too_many_redirects"
        assert len(server.requests) == 4
        server.requests.clear()
        with pytest.raises(OutboundFailed):
            await client.fetch("GET", server.url(), limits=FetchLimits(redirects=0))
    assert len(server.requests) == 1


async def test_other_ways_to_send_a_reader_on_are_not_followed(client: SafeClient) -> None:
    async with raw_server(redirects("/end", 200, refresh="0; url=/end")) as server:
        assert (await client.fetch("GET", server.url())).status == 200
    assert len(server.requests) == 1
