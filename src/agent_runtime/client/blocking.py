"""The client for scripts and notebooks: every call blocks until its answer is there.

There is no second client here. The asynchronous one runs on an event loop in a thread of its own, and each part of it
is wrapped: what gives an awaitable gives its result, what gives an asynchronous iterator gives a plain one.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any

from agent_runtime.client.connection import ClientOptions
from agent_runtime.client.errors import ClientError
from agent_runtime.client.runtime_client import RuntimeClient


class BlockingClient:
    """`RuntimeClient` without `await`: `client.tasks.submit(...)`, `for event in client.tasks.stream(...)`.

    Use it in `with`, or call `close()`. Several threads may share one.
    """

    def __init__(self, options: ClientOptions | None = None) -> None:
        self._loop = _LoopThread()
        self._client = RuntimeClient(options)

    def __enter__(self) -> BlockingClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give connections and thread back; a second time does nothing."""
        if not self._loop.closed:
            self._loop.run(self._client.close())
            self._loop.close()

    def __getattr__(self, name: str) -> Any:
        return _blocking(getattr(self._client, name), self._loop)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_public(self._client)})


class _Part:
    """One part of the client, such as `client.tasks`, with methods that block."""

    def __init__(self, part: object, loop: _LoopThread) -> None:
        self._part, self._loop = part, loop
        self.__doc__ = part.__doc__

    def __getattr__(self, name: str) -> Any:
        return _blocking(getattr(self._part, name), self._loop)

    def __dir__(self) -> list[str]:
        return _public(self._part)


class _LoopThread:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="par-client", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Wait for the work's result; interrupted with Ctrl-C, the work is cancelled too."""
        if self.closed:
            work.close()
            raise ClientError("This client is closed: open another one.")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        self.closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _blocking(value: Any, loop: _LoopThread) -> Any:
    if callable(value):
        return _blocking_call(value, loop)
    is_part = type(value).__module__.startswith("agent_runtime.client.") and type(value).__name__.endswith("Calls")
    return _Part(value, loop) if is_part else value


def _blocking_call(call: Callable[..., Any], loop: _LoopThread) -> Callable[..., Any]:
    @functools.wraps(call)
    def blocking(*arguments: Any, **named: Any) -> Any:
        answer = call(*arguments, **named)
        if asyncio.iscoroutine(answer):
            return loop.run(answer)
        return _each(answer, loop) if isinstance(answer, AsyncIterator) else answer

    return blocking


def _each(items: AsyncIterator[Any], loop: _LoopThread) -> Iterator[Any]:
    """The items one by one; left early, what the asynchronous iterator holds is given back."""
    try:
        while True:
            yield loop.run(_next(items))
    except _NoMore:
        return
    finally:
        aclose = getattr(items, "aclose", None)
        if aclose is not None and not loop.closed:
            loop.run(aclose())


class _NoMore(Exception):
    """The end of an iterator."""


async def _next(items: AsyncIterator[Any]) -> Any:
    try:
        return await anext(items)
    except StopAsyncIteration:
        raise _NoMore from None


def _public(thing: object) -> list[str]:
    return [name for name in dir(thing) if not name.startswith("_")]
