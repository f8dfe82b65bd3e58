"""What follows a failed attempt: another try after a wait, or a dead letter."""

import random
from dataclasses import dataclass

CRASHES_WITHOUT_PROGRESS = 3


@dataclass(frozen=True)
class Backoff:
    """Seconds: 1, 2, 4 … up to the cap, with jitter that only shortens a wait by up to a quarter."""

    base: float = 1.0
    cap: float = 60.0

    def seconds(self, failures: int, *, at_least: float | None = None, jitter: float | None = None) -> float:
        """Wait before the next try after `failures` failures in a row; never below a provider's `at_least`."""
        exponent = min(max(failures - 1, 0), 30)
        full = min(self.cap, self.base * 2.0**exponent)
        share = random.random() if jitter is None else jitter
        return max(full * (1 - share / 4), at_least or 0.0)


@dataclass(frozen=True)
class Verdict:
    """Counters after a failure, and whether the task is tried again."""

    retry_count: int
    crash_count: int
    tried_again: bool


def after_failure(*, retry_count: int, max_retries: int, progressed: bool) -> Verdict:
    """A failure that counts. Progress since the last one starts the count anew."""
    failures = (0 if progressed else retry_count) + 1
    return Verdict(failures, 0, failures <= max_retries)


def after_crash(*, retry_count: int, crash_count: int, max_retries: int, progressed: bool) -> Verdict:
    """A crash counts as a failure; the third without a new checkpoint ends the task whatever its retries."""
    failures = (0 if progressed else retry_count) + 1
    crashes = (0 if progressed else crash_count) + 1
    return Verdict(failures, crashes, failures <= max_retries and crashes < CRASHES_WITHOUT_PROGRESS)
