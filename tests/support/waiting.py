"""Wait for something to become true, with a deadline and a reason."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(look: Callable[[], Awaitable[T]], what: str, *, seconds: float = 10.0, every: float = 0.02) -> T:
    """Ask `look` until it gives something true; fail with `what` and the last answer after `seconds`."""
    deadline = time.monotonic() + seconds
    answer = await look()
    while not answer:
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what} (last answer: {answer!r})")
        await asyncio.sleep(every)
        answer = await look()
    return answer


def eventually_sync(look: Callable[[], T], what: str, *, seconds: float = 10.0, every: float = 0.05) -> T:
    """The same for code without a loop."""
    deadline = time.monotonic() + seconds
    answer = look()
    while not answer:
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what} (last answer: {answer!r})")
        time.sleep(every)
        answer = look()
    return answer
