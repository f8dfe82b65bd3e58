"""Which model answers a call: the agent's own, or the next of its fallback models while a provider is down."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from langchain.agents.middleware import ModelRequest

from agent_runtime.domain.errors import ModelCallFailed
from agent_runtime.domain.price import Price

_log = structlog.get_logger("agent")
_FIRST_PAUSE_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 300.0


@dataclass(frozen=True)
class ModelChoice:
    """A model that may answer; `chat` is None for the one that the graph was built with."""

    provider: str
    model: str
    price: Price | None
    max_output_tokens: int
    chat: Any = None

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.provider}/{self.model}"


class ModelHealth:
    """Which models failed lately, for all attempts of a worker, so that not every call waits for a dead provider."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, tuple[int, float]] = {}

    def in_order(self, choices: Sequence[ModelChoice]) -> list[ModelChoice]:
        """The choices, those that failed lately last. None is left out: the last word is a real answer."""
        now = self._clock()
        return sorted(choices, key=lambda choice: self._failures.get(choice.name, (0, now))[1] > now)

    def failed(self, choice: ModelChoice, error: ModelCallFailed) -> None:
        """Pass the model over for as long as its provider asks, or for a time that doubles."""
        times = self._failures.get(choice.name, (0, 0.0))[0] + 1
        pause = error.retry_after_seconds or _FIRST_PAUSE_SECONDS * 2 ** min(times - 1, 10)
        self._failures[choice.name] = times, self._clock() + min(pause, _LONGEST_PAUSE_SECONDS)

    def answered(self, choice: ModelChoice) -> None:
        """The model works again."""
        self._failures.pop(choice.name, None)


Handler = Callable[[ModelRequest[Any]], Awaitable[Any]]


async def call_first_available(
    choices: Sequence[ModelChoice], health: ModelHealth, request: ModelRequest[Any], handler: Handler
) -> tuple[ModelChoice, Any]:
    """The reply of the first model that gives one, and which that was.

    Only a failure that another try might mend moves on to the next model; a refused request is refused.
    Raises ModelCallFailed: that of the first model asked, which says when to try again.
    """
    first: ModelCallFailed | None = None
    for choice in health.in_order(choices):
        try:
            response = await handler(request if choice.chat is None else request.override(model=choice.chat))
        except ModelCallFailed as error:
            own = choice is choices[0]
            if own and not (error.retryable or error.throttled):
                raise
            health.failed(choice, error)
            first = error if first is None or own else first
            _log.warning("model_passed_over", model=choice.name, code=error.code, error=str(error)[:200])
        else:
            health.answered(choice)
            return choice, response
    assert first is not None  # noqa: S101 - there is at least the agent's own model
    raise first
