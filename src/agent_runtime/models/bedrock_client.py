"""Bedrock calls that can be aborted.

The AWS SDK is synchronous: it signs, sends and parses in a thread, and a thread that waits for bytes cannot be stopped.
So the SDK keeps signing and parsing, while the bytes travel through an asynchronous client in the event loop:
cancelling the call closes the connection there, and the thread finds its wait cancelled. The seam is an event of
botocore, `before-send`, whose handler may answer in place of the network.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any, TypeVar

import boto3  # type: ignore[import-untyped]
import httpx2
from botocore.awsrequest import AWSPreparedRequest, AWSResponse  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]

from agent_runtime.models.providers import ProviderSettings

Answer = TypeVar("Answer")
_current = threading.local()


class CallAborted(Exception):
    """The call was cancelled in the event loop; its thread ends with this and nobody hears of it."""


def client_arguments(settings: ProviderSettings) -> dict[str, Any]:
    """Region and keys as boto3 takes them. Without keys the SDK looks for roles and profiles by itself."""
    aws = settings.aws
    arguments: dict[str, Any] = {"region_name": aws.get("AWS_REGION") or aws.get("AWS_DEFAULT_REGION")}
    if aws.get("AWS_ACCESS_KEY_ID"):
        arguments["aws_access_key_id"] = aws["AWS_ACCESS_KEY_ID"]
        arguments["aws_secret_access_key"] = aws.get("AWS_SECRET_ACCESS_KEY")
        arguments["aws_session_token"] = aws.get("AWS_SESSION_TOKEN")
    return arguments


def open_runtime_client(settings: ProviderSettings) -> Any:
    """The `bedrock-runtime` client, its retries off and its sending replaced."""
    client = boto3.Session(profile_name=settings.aws.get("AWS_PROFILE")).client(
        "bedrock-runtime",
        endpoint_url=settings.base_url,
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}),
        **client_arguments(settings),
    )
    client.meta.events.register("before-send.bedrock-runtime", _send)
    return client


class AbortableCall:
    """One call: the thread asks for bytes, the event loop fetches them, `abort` stops both."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._aborted = False
        self._waiting: Future[Any] | None = None
        self._response: httpx2.Response | None = None

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """In the thread: send a signed request and answer as botocore's own session would."""
        response = self.wait_for(self._open(request))
        return AWSResponse(str(response.url), response.status_code, response.headers, _Body(self, response))

    def wait_for(self, coroutine: Coroutine[Any, Any, Answer]) -> Answer:
        """In the thread: run `coroutine` in the event loop and wait for its answer."""
        with self._lock:
            if self._aborted:
                coroutine.close()
                raise CallAborted
            waiting = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
            self._waiting = waiting
        return waiting.result()

    async def abort(self) -> None:
        """In the event loop: cancel what the thread waits for and close the connection."""
        with self._lock:
            self._aborted = True
            if self._waiting is not None:
                self._waiting.cancel()
        if self._response is not None:
            await self._response.aclose()

    async def _open(self, request: AWSPreparedRequest) -> httpx2.Response:
        headers = {name: _as_text(value) for name, value in request.headers.items()}
        # The frames are binary and checked one by one: no compression on top.
        headers["Accept-Encoding"] = "identity"
        prepared = self._client.build_request(request.method, request.url, headers=headers, content=request.body)
        self._response = await self._client.send(prepared, stream=True)
        return self._response


class _Body:
    """The body of a reply in the shape that botocore reads: `stream`, `read` and `close`."""

    def __init__(self, call: AbortableCall, response: httpx2.Response) -> None:
        self._call = call
        self._pieces = response.aiter_raw()

    def stream(self, *arguments: Any, **options: Any) -> Iterator[bytes]:
        while (piece := self._call.wait_for(self._next())) is not None:
            yield piece

    def read(self, *arguments: Any, **options: Any) -> bytes:
        return b"".join(self.stream())

    def close(self) -> None:
        """The call closes its connection itself."""

    async def _next(self) -> bytes | None:
        return await anext(self._pieces, None)


async def stream_in_thread(read: Callable[[], Iterator[Answer]], client: httpx2.AsyncClient) -> AsyncIterator[Answer]:
    """What the blocking iterator of `read` yields, from a thread of its own; closing this stops the thread.

    A thread for each call, as the default executor has few and a call may wait for minutes.
    """
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
    call = AbortableCall(client)

    def pump() -> None:
        _current.call = call
        try:
            for item in read():
                _hand_over(loop, arrived, ("item", item))
            _hand_over(loop, arrived, ("end", None))
        except BaseException as error:  # noqa: BLE001  handed to the event loop, which raises it
            _hand_over(loop, arrived, ("error", error))

    threading.Thread(target=copy_context().run, args=(pump,), name="bedrock-call", daemon=True).start()
    try:
        while True:
            kind, value = await arrived.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        await call.abort()


def _hand_over(loop: asyncio.AbstractEventLoop, arrived: asyncio.Queue[Any], entry: tuple[str, Any]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(arrived.put_nowait, entry)


def _send(request: AWSPreparedRequest, **event: Any) -> AWSResponse | None:
    """The `before-send` handler: through the current thread's call, or, without one, by botocore itself."""
    call: AbortableCall | None = getattr(_current, "call", None)
    return None if call is None else call.send(request)


def _as_text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
