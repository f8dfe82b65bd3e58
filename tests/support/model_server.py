"""A scripted model server for tests and benchmarks: OpenAI, Anthropic, Google and Bedrock on one port.

It answers by the script in the last user message that holds one (`docs/scripted-model.md`), else with an echo; it
refuses histories without exactly one result per tool call; it keeps its own books; and it fails as it is told to.

Faults, by `"fault"` in a script's turn or by `POST /__mode {"fault": …, "count": …, "task": …, "retry_after": …}`:
a status (`429`, `500`, `503`, `529`, …), `hang`, `stall`, `drip`, `truncate`, `reset`, `malformed`, `content_type`,
`empty_choices`, `duplicate_ids`, `empty_ids`, `unknown_tool`, `invalid_arguments`, `no_usage`, `stream_error`.
`POST /__mode {}` clears. `GET /__log`, `/__violations`; `POST /__reset` empties the books.
A key that contains "wrong" is refused with 401; the model `no-such-model` does not exist.
Run it as `python -m tests.support.model_server --port 0 --log FILE`: the first line printed is the port.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_runtime.models.script import ScriptInvalid
from tests.support.model_server_bedrock import BedrockWire, frame
from tests.support.model_server_book import Book, Entry, Mode
from tests.support.model_server_history import (
    Place,
    Spoken,
    find_place,
    read_anthropic,
    read_bedrock,
    read_google,
    read_openai,
    violations_of,
)
from tests.support.model_server_http import ClientGone, Connection, Request
from tests.support.model_server_replies import AnthropicWire, GoogleWire, OpenAIWire, Reply, make_reply, sse

HANG_SECONDS = 3600.0
PING_SECONDS = 0.1
Wire = OpenAIWire | AnthropicWire | GoogleWire | BedrockWire

MODELS = ("scripted-model", "gpt-4o-mini")
WIRES: dict[str, tuple[Wire, Callable[[dict[str, Any]], list[Spoken]]]] = {
    "openai": (OpenAIWire(), read_openai),
    "anthropic": (AnthropicWire(), read_anthropic),
    "google": (GoogleWire(), read_google),
    "bedrock": (BedrockWire(), read_bedrock),
}
GOOGLE_PATH = re.compile(r"/v1(?:beta|alpha)?/models/([^:/]+):(generateContent|streamGenerateContent)")
BEDROCK_PATH = re.compile(r"/model/(.+)/(converse|converse-stream)")


@dataclass
class Asked:
    """One model call as it came in."""

    provider: str
    model: str
    stream: bool
    body: dict[str, Any]
    key: str


@dataclass
class ModelServer:
    """The running server. `book` is what tests look at."""

    book: Book = field(default_factory=Book)
    url: str = ""
    _server: asyncio.Server | None = None
    _open: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=2**24)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            while (request := await connection.read_request()) is not None:
                await self._handle(connection, request)
        except (ClientGone, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.pop(task, None)
            writer.close()
            with contextlib.suppress(ConnectionError, OSError):
                await writer.wait_closed()

    async def _handle(self, connection: Connection, request: Request) -> None:
        if request.path.startswith("/__"):
            await self._administer(connection, request)
        elif request.method == "GET":
            await _list_models(connection, request)
        elif (asked := _asked(request)) is None:
            await connection.answer(404, {"error": {"message": f"no such path: {request.path}"}})
        else:
            await self._call(connection, asked)

    async def _administer(self, connection: Connection, request: Request) -> None:
        if request.path == "/__mode":
            wanted = request.json()
            self.book.modes = [Mode(**wanted)] if wanted.get("fault") else []
        elif request.path == "/__reset":
            self.book.__init__(self.book.log_file)  # type: ignore[misc]
        answers: dict[str, Any] = {"/__log": self.book.log(), "/__violations": self.book.violations}
        await connection.answer(200, answers.get(request.path, {}))

    async def _call(self, connection: Connection, asked: Asked) -> None:
        wire, read = WIRES[asked.provider]
        if "wrong" in asked.key:
            await connection.answer(401, wire.error(401, f"Incorrect API key provided: {asked.key}"))
            return
        if asked.model == "no-such-model":
            await connection.answer(404, wire.error(404, f"model_not_found: the model {asked.model} does not exist"))
            return
        history = read(asked.body)
        try:
            place = find_place(history)
        except ScriptInvalid as error:
            await connection.answer(400, wire.error(400, str(error)))
            return
        entry = self.book.ask(asked.provider, asked.model, place, history, asked.stream)
        entry.max_output_tokens = _setting(
            asked.body, "max_completion_tokens", "max_tokens", "maxOutputTokens", "maxTokens"
        )
        entry.temperature = _setting(asked.body, "temperature")
        if problems := violations_of(history):
            self.book.violate(entry, problems)
            self.book.close(entry, "refused", fault="violation", status=400)
            await connection.answer(400, wire.error(400, f"broken history: {problems}"))
            return
        try:
            await self._answer(connection, asked, entry, place)
        except ClientGone:
            self.book.close(entry, "aborted", fault=entry.fault)
            raise

    async def _answer(self, connection: Connection, asked: Asked, entry: Entry, place: Place) -> None:
        wire = WIRES[asked.provider][0]
        entry.fault, retry_after = self.book.strike(place)
        await connection.pause(place.turn.latency_seconds)
        if entry.fault is not None and entry.fault.isdigit():
            message = place.turn.error.message if place.turn.error is not None else "told to fail"
            headers = {"retry-after": str(retry_after)} if retry_after is not None else {}
            self.book.close(entry, "refused", fault=entry.fault, status=int(entry.fault))
            await connection.answer(int(entry.fault), wire.error(int(entry.fault), message), headers)
            return
        reply = make_reply(place.turn, entry.number, place.step, asked.model, entry.fault)
        broken = _BREAKERS.get(entry.fault or "")
        if broken is not None:
            await broken(connection, wire, reply, asked)
            self.book.close(entry, "broken", fault=entry.fault)
            return
        await _deliver(connection, wire, reply, asked)
        self.book.bill(entry, place.turn)
        self.book.close(entry, "answered", fault=entry.fault)


async def _deliver(connection: Connection, wire: Wire, reply: Reply, asked: Asked) -> None:
    if not asked.stream:
        await connection.answer(200, wire.whole(reply))
        return
    await connection.begin_stream(wire.content_type)
    pause = 1.0 / reply.turn.tokens_per_second if reply.turn.tokens_per_second else 0.0
    events = wire.events(reply, asked.body)
    for event in events if pause else [b"".join(events)]:
        await connection.send(event)
        await connection.pause(pause)
    await connection.end_stream()


async def _first_half(connection: Connection, wire: Wire, reply: Reply, asked: Asked) -> None:
    events = wire.events(reply, asked.body)
    await connection.begin_stream(wire.content_type)
    await connection.send(b"".join(events[: max(1, len(events) // 2)]))


async def _hang(connection: Connection, wire: Wire, reply: Reply, asked: Asked) -> None:
    await connection.pause(HANG_SECONDS)


async def _stall(connection: Connection, wire: Wire, reply: Reply, asked: Asked) -> None:
    await _first_half(connection, wire, reply, asked)
    while True:
        await connection.pause(PING_SECONDS)
        await connection.send(wire.ping)


async def _drip(connection: Connection, wire: Wire, reply: Reply, asked: Asked) -> None:
    await connection.begin_stream(wire.content_type)
    for byte in b"".join(wire.events(reply, asked.body)):
        await connection.send(bytes([byte]))
        await connection.pause(1.0)
    await connection.end_stream()


async def _truncate(connection: Connection, wire: Wire, reply: Reply, asked: Asked) -> None:
    await _first_half(connection, wire, reply, asked)
    await connection.end_stream()


async def _reset(connection: Connection, wire: Wire, reply: Reply, asked: Asked) -> None:
    await _first_half(connection, wire, reply, asked)
    connection.abort()


async def _malformed(connection: Connection, wire: Wire, reply: Reply, asked: Asked) -> None:
    await _first_half(connection, wire, reply, asked)
    await connection.send(wire.malformed)
    await connection.end_stream()


async def _content_type(connection: Connection, wire: Wire, reply: Reply, asked: Asked) -> None:
    await connection.answer(200, b"<html><body>Welcome to the proxy</body></html>", {"content-type": "text/html"})


async def _stream_error(connection: Connection, wire: Wire, reply: Reply, asked: Asked) -> None:
    """A failure that the provider reports inside a stream that began well."""
    await _first_half(connection, wire, reply, asked)
    if isinstance(wire, BedrockWire):
        await connection.send(frame("throttlingException", {"message": "slow down"}, "exception"))
    else:
        await connection.send(sse(wire.error(529, "overloaded"), "error"))
    await connection.end_stream()


_BREAKERS = {
    "hang": _hang,
    "stall": _stall,
    "drip": _drip,
    "truncate": _truncate,
    "reset": _reset,
    "malformed": _malformed,
    "content_type": _content_type,
    "stream_error": _stream_error,
}


def _asked(request: Request) -> Asked | None:
    key = (
        request.headers.get("x-api-key")
        or request.headers.get("x-goog-api-key")
        or request.headers.get("authorization", "")
    )
    body = request.json() if request.body else {}
    if request.path.endswith("/chat/completions"):
        return Asked("openai", body["model"], bool(body.get("stream")), body, key)
    if request.path.endswith("/v1/messages"):
        return Asked("anthropic", body["model"], bool(body.get("stream")), body, key)
    if found := GOOGLE_PATH.fullmatch(request.path):
        return Asked("google", found[1], found[2] == "streamGenerateContent", body, key or request.query.get("key", ""))
    if found := BEDROCK_PATH.fullmatch(request.path):
        return Asked("bedrock", found[1], found[2] == "converse-stream", body, key)
    return None


def _setting(body: dict[str, Any], *names: str) -> Any:
    nested = body.get("generationConfig") or body.get("inferenceConfig") or {}
    return next((found[name] for found in (body, nested) for name in names if name in found), None)


async def _list_models(connection: Connection, request: Request) -> None:
    key = request.headers.get("authorization", "") + request.headers.get("x-api-key", "")
    if "wrong" in key + request.headers.get("x-goog-api-key", ""):
        await connection.answer(401, {"error": {"message": "wrong key"}})
    elif request.path == "/v1beta/models":
        limits = {"inputTokenLimit": 1000, "outputTokenLimit": 100, "supportedGenerationMethods": ["generateContent"]}
        names = ("gemini-2.5-pro", "gemini-embedding-001")
        await connection.answer(200, {"models": [{"name": f"models/{name}", **limits} for name in names]})
    elif request.path == "/foundation-models":
        usable = {"responseStreamingSupported": True, "inferenceTypesSupported": ["ON_DEMAND"]}
        summary = {"modelId": "amazon.nova-lite-v1:0", "modelName": "Nova Lite", **usable}
        await connection.answer(200, {"modelSummaries": [summary]})
    elif request.path == "/inference-profiles":
        await connection.answer(200, {"inferenceProfileSummaries": []})
    elif request.path.endswith("/models"):
        listed = ["claude-sonnet-4-5", *MODELS] if "anthropic-version" in request.headers else list(MODELS)
        await connection.answer(200, {"object": "list", "data": [{"id": name} for name in listed], "has_more": False})
    else:
        await connection.answer(404, {"error": {"message": f"no such path: {request.path}"}})


@asynccontextmanager
async def running_model_server(log_file: Path | None = None) -> AsyncIterator[ModelServer]:
    """A server in this process and event loop."""
    server = ModelServer(Book(log_file))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def _run(port: int, log_file: Path | None) -> None:
    server = ModelServer(Book(log_file))
    await server.start(port)
    print(server.port, flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="A scripted model server for tests.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, default=None)
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(arguments.port, arguments.log))


if __name__ == "__main__":
    main()
