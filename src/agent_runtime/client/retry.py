"""When a request is tried again, and after how long. Pure: no clock, no sockets."""

from __future__ import annotations

import random
from dataclasses import dataclass

RETRIED_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class RetryPolicy:
    """How often a request is sent and how long the pauses are, in seconds.

    The defaults ride out the restart of a server (about 3 s). `longest_pause_seconds` also bounds a `Retry-After`: a
    server that asks for more gets its error handed to the caller at once. No try begins more than `deadline_seconds`
    after the first one did.
    """

    attempts: int = 5
    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 10.0
    deadline_seconds: float = 60.0

    def pause_after(
        self, attempt: int, elapsed_seconds: float, retry_after_seconds: float | None = None
    ) -> float | None:
        """Seconds to wait after the failed `attempt` (counted from 1), or None when it was the last one."""
        pause = self._pause(attempt, retry_after_seconds)
        too_late = attempt >= self.attempts or pause is None or elapsed_seconds + pause > self.deadline_seconds
        return None if too_late else pause

    def _pause(self, attempt: int, retry_after_seconds: float | None) -> float | None:
        if retry_after_seconds is not None:
            return retry_after_seconds if retry_after_seconds <= self.longest_pause_seconds else None
        pause: float = self.first_pause_seconds * 2 ** (attempt - 1)
        return min(pause, self.longest_pause_seconds) * random.uniform(0.8, 1.2)


ONE_ATTEMPT = RetryPolicy(attempts=1)
