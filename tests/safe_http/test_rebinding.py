"""A name whose answers change: connections go to an address that was checked, and to no other."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest

from agent_runtime.config_values import PrivateTarget
from agent_runtime.domain.errors import AddressRefused, OutboundFailed
from agent_runtime.safe_http import PUBLIC_ONLY, SafeClient, SafeTransport, Targets, open_httpx_client, resolver
from tests.support.model_server_http import Request
from tests.support.raw_server import plain, raw_server
from tests.support.tls import tls_contexts

ONLY_FIRST = Targets((PrivateTarget(ip_network("127.0.0.1/32")),))
"""Stands for the public internet: 127.0.0.1 is allowed, 127.0.0.2 is as private as ever."""


class Answers:
    """A name server that gives one answer after another, and the last one forever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def ok(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(plain(200, b"ok"))


async def test_a_name_is_resolved_once_for_a_connection_that_goes_to_the_checked_address() -> None:
    answers = Answers(["127.0.0.1"], ["127.0.0.2"])
    async with raw_server(ok) as server, SafeClient(ONLY_FIRST, resolver=answers) as client:
        fetched = await client.fetch("GET", server.url(host="rebinding.example"))
        assert (fetched.body, answers.asked) == (b"ok", [("rebinding.example", server.port)])
        assert server.requests[0].headers["host"] == f"rebinding.example:{server.port}"
        with pytest.raises(AddressRefused) as failure:
            await client.fetch("GET", server.url(host="rebinding.example"))
    assert "127.0.0" not in str(failure.value)
    assert server.connections == 1


async def test_between_registration_and_use_the_answer_may_not_change_to_a_private_one() -> None:
    answers = Answers(["127.0.0.1"], ["127.0.0.2"])
    async with raw_server(ok, host="127.0.0.2") as server, SafeClient(ONLY_FIRST, resolver=answers) as client:
        await client.check(server.url(host="rebinding.example"))
        with pytest.raises(AddressRefused):
            await client.fetch("POST", server.url(host="rebinding.example"))
    assert server.connections == 0


@pytest.mark.parametrize("order", [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "::1"]])
async def test_a_name_with_one_address_that_is_not_allowed_is_refused_whole(order: list[str]) -> None:
    async with raw_server(ok) as server, SafeClient(ONLY_FIRST, resolver=Answers(order)) as client:
        with pytest.raises(AddressRefused):
            await client.fetch("GET", server.url(host="mixed.example"))
        with pytest.raises(AddressRefused):
            await client.check(server.url(host="mixed.example"))
    assert server.connections == 0


async def test_the_next_address_is_tried_when_one_takes_no_connection() -> None:
    both = Targets((PrivateTarget(ip_network("127.0.0.0/30")),))
    async with (
        raw_server(ok) as server,
        SafeClient(both, resolver=Answers(["127.0.0.2", "127.0.0.1"])) as client,
    ):
        assert (await client.fetch("GET", server.url(host="two.example"))).status == 200


async def test_the_machines_own_resolver_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def getaddrinfo(host: object, port: object, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async with raw_server(ok) as server, SafeClient(ONLY_FIRST) as client:
        with monkeypatch.context() as patched:
            patched.setattr(socket, "getaddrinfo", getaddrinfo)
            assert (await client.fetch("GET", server.url(host="rebinding.example"))).status == 200
    assert asked.count("rebinding.example") == 1


async def test_a_name_that_does_not_resolve_is_unreachable_but_may_be_registered() -> None:
    async def nothing(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    async with SafeClient(PUBLIC_ONLY, resolver=nothing) as client:
        await client.check("https://later.example/")
        with pytest.raises(OutboundFailed) as failure:
            await client.fetch("GET", "https://later.example/")
    assert failure.value.code == "unreachable"


async def test_a_name_server_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(resolver, "LOOKUP_SECONDS", 0.1)
    async with SafeClient(PUBLIC_ONLY, resolver=hang) as client:
        with pytest.raises(OutboundFailed, match="could not be resolved"):
            await client.fetch("GET", "https://slow.example/")


async def test_an_open_connection_is_used_again_without_another_lookup() -> None:
    async def keep(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\nok")

    answers = Answers(["127.0.0.1"], ["127.0.0.2"])
    async with raw_server(keep, keeps=True) as server, SafeClient(ONLY_FIRST, resolver=answers) as client:
        url = server.url(host="kept.example")
        assert [(await client.fetch("GET", url)).body for _ in range(3)] == [b"ok"] * 3
    assert (len(answers.asked), server.connections) == (1, 1)


async def test_the_certificate_and_its_name_are_those_of_the_url(tmp_path: Path) -> None:
    names: list[str | None] = []
    context, trusting = tls_contexts(tmp_path, "named.example")
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    transport = SafeTransport(ONLY_FIRST, resolver=Answers(["127.0.0.1"]), ssl_context=trusting)
    async with (
        raw_server(ok, ssl_context=context) as server,
        httpx.AsyncClient(transport=transport, trust_env=False) as client,
    ):
        assert (await client.get(server.url(host="named.example", scheme="https"))).text == "ok"
        with pytest.raises(httpx.ConnectError, match=r"other\.example could not be connected to securely"):
            await client.get(server.url(host="other.example", scheme="https"))
    assert names == ["named.example", "other.example"]


async def test_a_client_of_another_library_streams_under_the_same_rules() -> None:
    more = asyncio.Event()

    async def stream(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        await writer.drain()
        await more.wait()
        writer.write(b"3\r\ntwo\r\n0\r\n\r\n")

    async with raw_server(stream) as server, open_httpx_client(ONLY_FIRST) as client:
        pieces = []
        async with client.stream("GET", server.url()) as response:
            async for piece in response.aiter_bytes():
                pieces.append(piece)
                more.set()
        with pytest.raises(AddressRefused):
            await client.get("http://127.0.0.2/")
    assert pieces == [b"one", b"two"]
