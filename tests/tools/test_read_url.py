"""Pages are read as text, within bounds, and never from where a model must not reach."""

import asyncio
import io
import sys

import pytest
from pypdf import PdfWriter

from agent_runtime.domain.errors import ToolFailed
from agent_runtime.safe_http import PUBLIC_ONLY, SafeClient
from agent_runtime.tools import page_text, read_url
from agent_runtime.tools.read_url import read_page
from tests.support.waiting import eventually
from tests.tools.web_server import Handler, WebServer, bomb

ARTICLE = b"""<!doctype html><html><head><title>On  tides</title></head><body><nav>Home | About us</nav>
<article><h1>Tides</h1><p>The tide rises twice a day because the earth turns under two bulges of water.</p>
<p>It was first explained by Newton, who saw that the moon pulls the near water more than the earth.</p></article>
<script>alert('x')</script><footer>All rights reserved</footer></body></html>"""


async def test_a_page_is_its_article_with_title_and_address(web: WebServer, client: SafeClient) -> None:
    url = web.serve("/tides", ARTICLE)
    text = await read_page(client, url)
    assert text.startswith(f"Title: On tides\nAddress: {url}\n\n")
    assert "explained by Newton" in text
    assert "alert" not in text


async def test_the_address_is_where_the_page_finally_was(web: WebServer, client: SafeClient) -> None:
    url = web.serve("/tides", ARTICLE)
    moved = web.serve_by("/old", lambda handler: handler.answer(302, b"", {"Location": "/tides"}))
    assert f"Address: {url}\n" in await read_page(client, moved)


async def test_plain_text_and_json_are_read_as_they_are(web: WebServer, client: SafeClient) -> None:
    plain = web.serve("/a.txt", "Grüße\x1b[2J".encode("latin-1"), "text/plain; charset=iso-8859-1")
    assert (await read_page(client, plain)).endswith("\n\nGrüße[2J")
    json = web.serve("/a.json", b'{"a": [1, 2]}', "application/json")
    assert (await read_page(client, json)).endswith('\n\n{"a": [1, 2]}')
    unknown = web.serve("/b.txt", b"abc", "text/plain; charset=no-such-thing")
    assert (await read_page(client, unknown)).endswith("\n\nabc")


async def test_the_text_of_a_pdf_is_read(web: WebServer, client: SafeClient) -> None:
    text = await read_page(client, web.serve("/a.pdf", _pdf("Chapter one"), "application/pdf"))
    assert text.startswith("Title: A paper\n")
    assert "Chapter one" in text


async def test_a_pdf_that_says_it_is_a_page_is_read_as_a_pdf(web: WebServer, client: SafeClient) -> None:
    assert "Chapter one" in await read_page(client, web.serve("/a", _pdf("Chapter one"), "text/html"))


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"\x89PNG\r\n", "image/png", "is image/png, which is no text"),
        (b"<html>hello", "image/gif", "is image/gif, which is no text"),
        (b"abc\x00\x01", "text/plain", "holds binary data"),
        (b"", "text/html", "has no text"),
        (b"%PDF-1.7 and nothing more", "application/pdf", "could not be taken out"),
    ],
)
async def test_what_is_no_text_is_said_to_be_none(
    body: bytes, kind: str, words: str, web: WebServer, client: SafeClient
) -> None:
    with pytest.raises(ToolFailed, match=words):
        await read_page(client, web.serve("/x", body, kind))


async def test_a_page_that_is_not_there_says_its_status(web: WebServer, client: SafeClient) -> None:
    with pytest.raises(ToolFailed, match="status 404"):
        await read_page(client, web.address + "/nothing")


async def test_a_bomb_and_an_endless_page_are_cut(web: WebServer, client: SafeClient) -> None:
    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/plain")
        handler.send_header("Connection", "close")
        handler.end_headers()
        for _ in range(2_000):
            handler.wfile.write(b"all work and no play " * 1_000)

    text = await read_page(client, web.serve_by("/endless", endless))
    assert "[truncated: the page is longer than what was read]" in text
    assert len(text) < 1_100_000
    with pytest.raises(ToolFailed, match=r"binary data|no text"):
        await read_page(client, web.serve_by("/bomb", bomb))


async def test_a_page_that_drips_is_given_up(
    web: WebServer, client: SafeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_url, "FETCH_SECONDS", 0.5)

    def dripping(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/plain")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        done.wait(10)

    import threading

    done = threading.Event()
    try:
        with pytest.raises(ToolFailed, match="timeout"):
            await read_page(client, web.serve_by("/drip", dripping))
    finally:
        done.set()


async def test_taking_out_the_text_has_a_deadline_and_leaves_no_process(
    web: WebServer, client: SafeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_url, "EXTRACT_SECONDS", 0.01)
    with pytest.raises(ToolFailed, match="took over"):
        await read_page(client, web.serve("/tides", ARTICLE))


async def test_a_cancelled_reading_ends_its_process(
    web: WebServer, client: SafeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/sleep")
    started: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def watched(program: str, *_: str, **options: object) -> asyncio.subprocess.Process:
        started.append(await start(program, "30", **options))  # type: ignore[arg-type]
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", watched)
    reading = asyncio.create_task(read_page(client, web.serve("/tides", ARTICLE)))

    async def has_started() -> bool:
        return bool(started)

    await eventually(has_started, "the process has started")
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert started[0].returncode == -9


async def test_the_process_that_reads_sees_nothing_of_our_environment(
    web: WebServer, client: SafeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAVILY_API_KEY", "hidden-secret")
    given: list[object] = []
    start = asyncio.create_subprocess_exec

    async def watched(*command: str, **options: object) -> asyncio.subprocess.Process:
        given.append(options["env"])
        return await start(*command, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", watched)
    await read_page(client, web.serve("/tides", ARTICLE))
    assert [set(each) for each in given if isinstance(each, dict)] == [{"PYTHONPATH"}]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/tides",
        "http://127.1:{port}/tides",
        "http://2130706433:{port}/tides",
        "http://localhost:{port}/tides",
        "http://[::ffff:127.0.0.1]:{port}/tides",
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
        "not a url",
    ],
)
async def test_no_page_of_this_machine_or_its_network_is_read(url: str, web: WebServer) -> None:
    web.serve("/tides", ARTICLE)
    async with SafeClient(PUBLIC_ONLY) as client:
        with pytest.raises(ToolFailed, match="could not be read") as caught:
            await read_page(client, url.format(port=web.address.rpartition(":")[2]))
    assert web.requests == []
    assert "Traceback" not in str(caught.value)


async def test_a_page_cannot_send_us_on_to_a_file(web: WebServer, client: SafeClient) -> None:
    url = web.serve_by("/x", lambda handler: handler.answer(302, b"", {"Location": "file:///etc/passwd"}))
    with pytest.raises(ToolFailed, match="could not be read"):
        await read_page(client, url)


def test_a_long_text_is_cut_and_says_so() -> None:
    found = page_text.extract("text", b"x" * 1_500_000, "utf-8", "http://a.example/")
    assert found["truncated"] is True
    assert len(str(found["text"])) == page_text.TEXT_CHARACTERS


def _pdf(text: str) -> bytes:
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = PdfWriter()
    page = writer.add_blank_page(300, 300)
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    entry = DictionaryObject({NameObject(name): NameObject(value) for name, value in font.items()})
    fonts = DictionaryObject({NameObject("/F1"): entry})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
    page[NameObject("/Contents")] = stream
    writer.add_metadata({"/Title": "A paper"})
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()
