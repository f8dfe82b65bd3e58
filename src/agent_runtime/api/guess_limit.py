"""Slows down who guesses keys: each place may be wrong a few times, also when it asks for all of them at once."""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent_runtime.api.problem import Problem
from agent_runtime.domain.token_bucket import TokenBuckets


class Check:
    """One look at a key that nobody knows yet."""

    wrong = False


class GuessLimit:
    """A check takes a token before it looks, and gives it back unless the key was wrong.

    Many good keys may arrive together, as after a restart: who finds the tokens taken by checks that still look waits
    for these, and is refused only when the tokens are gone for good.
    """

    def __init__(self, per_second: float, at_once: float) -> None:
        self._tokens = TokenBuckets(per_second, at_once)
        self._looking: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)

    @asynccontextmanager
    async def check(self, place: str) -> AsyncIterator[Check]:
        """Look within; say `wrong` when the key is. Raises Problem: 429 after too many wrong ones."""
        await self._reserve(place)
        check, ended = Check(), asyncio.get_running_loop().create_future()
        self._looking[place].add(ended)
        try:
            yield check
        finally:
            if not check.wrong:
                self._tokens.give_back(place, time.monotonic())
            self._looking[place].discard(ended)
            ended.set_result(None)
            if not self._looking[place]:
                del self._looking[place]

    def count(self, place: str) -> None:
        """A wrong key that was looked at without a check, because it was good once."""
        self._tokens.take(place, time.monotonic())

    async def _reserve(self, place: str) -> None:
        while wait := self._tokens.take(place, time.monotonic()):
            looking = self._looking.get(place)
            if not looking:
                raise too_fast(wait, "wrong keys come from this address")
            await asyncio.wait(looking, return_when=asyncio.FIRST_COMPLETED)


def too_fast(wait: float, what: str) -> Problem:
    """The answer to who must wait so many seconds."""
    seconds = max(1, math.ceil(wait))
    return Problem(429, f"{what} faster than it may: wait {seconds} s", headers={"Retry-After": str(seconds)})
