"""Reads a page: fetched through the one safe client, its text taken out in a process of its own."""

import asyncio
import json
import os
import sys
from typing import Any

from agent_runtime.domain.errors import OutboundFailed, ToolFailed
from agent_runtime.safe_http import Fetched, FetchLimits, SafeClient
from agent_runtime.tools import call_environment

FETCH_SECONDS = 30.0
EXTRACT_SECONDS = 30.0
BODY_BYTES = 5_000_000
_AT_ONCE = 4
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_TEXT = frozenset(
    {"application/json", "application/xml", "application/yaml", "application/javascript", "application/x-ndjson"}
)
_ACCEPT = {"accept": "text/html,application/xhtml+xml,application/pdf,text/plain,application/json;q=0.9,*/*;q=0.1"}
_extracting: asyncio.Semaphore | None = None


async def read_url(url: str) -> str:
    """The text of a page, with its title and where it finally was. Raises ToolFailed."""
    client = call_environment.current().services.http
    if client is None:
        raise ToolFailed("this deployment reads no pages")
    return await read_page(client, url)


async def read_page(client: SafeClient, url: str) -> str:
    """The same for whoever has a client."""
    limits = FetchLimits(seconds=FETCH_SECONDS, body_bytes=BODY_BYTES)
    try:
        fetched = await client.fetch("GET", url, headers=_ACCEPT, limits=limits)
    except OutboundFailed as error:
        raise ToolFailed(f"the page could not be read ({error.code}): {error}") from error
    if not 200 <= fetched.status < 300:
        raise ToolFailed(f"{fetched.url} answered with status {fetched.status}")
    form = _form_of(fetched)
    found = await _extract(form, fetched)
    if not found["text"].strip():
        raise ToolFailed(f"{fetched.url} has no text that can be read ({form})")
    lines = [f"Title: {found['title']}"] if found["title"] else []
    lines.append(f"Address: {fetched.url}")
    if fetched.truncated or found["truncated"]:
        lines.append("[truncated: the page is longer than what was read]")
    return "\n".join([*lines, "", found["text"]])


def _form_of(fetched: Fetched) -> str:
    """`html`, `pdf` or `text`, by what the server says and what the bytes cannot hide."""
    kind = fetched.headers.get("content-type", "").partition(";")[0].strip().lower()
    if fetched.body.startswith(b"%PDF-"):
        return "pdf"
    if kind in _HTML:
        return "html"
    if kind.startswith("text/") or kind in _TEXT or kind.endswith(("+json", "+xml")) or not kind:
        if b"\x00" in fetched.body[:4096]:
            raise ToolFailed(f"{fetched.url} is said to be text ({kind or 'no content type'}) but holds binary data")
        return "html" if kind in ("", "text/plain") and _looks_like_html(fetched.body) else "text"
    raise ToolFailed(f"{fetched.url} is {kind[:100]}, which is no text that can be read")


def _looks_like_html(body: bytes) -> bool:
    return body[:512].lstrip().lower().startswith((b"<!doctype html", b"<html"))


async def _extract(form: str, fetched: Fetched) -> dict[str, Any]:
    """Take the text out, in a process that may use so much memory and time: pages are made by anybody."""
    global _extracting  # noqa: PLW0603 - one bound for the process; it belongs to the loop that first uses it
    _extracting = _extracting or asyncio.Semaphore(_AT_ONCE)
    charset = fetched.headers.get("content-type", "").partition("charset=")[2].split(";")[0].strip("\"' ")
    command = [sys.executable, "-m", "agent_runtime.tools.page_text", form, charset or "utf-8", fetched.url]
    async with _extracting:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            # Nothing of ours is in its environment but where the code lies.
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        try:
            async with asyncio.timeout(EXTRACT_SECONDS):
                output, _ = await process.communicate(fetched.body)
        except TimeoutError:
            raise ToolFailed(f"taking the text out of {fetched.url} took over {EXTRACT_SECONDS:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode != 0:
        raise ToolFailed(f"the text of {fetched.url} ({form}) could not be taken out: it is damaged or too large")
    found: dict[str, Any] = json.loads(output)
    return found
