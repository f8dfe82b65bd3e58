"""Rate limits: each caller has a bucket of tokens that fills at a steady rate; a request takes one."""

from collections import OrderedDict
from dataclasses import dataclass


@dataclass
class _Bucket:
    level: float
    at: float


class TokenBuckets:
    """Buckets by name. The `most` used last are kept: one that is forgotten is as one that has filled up."""

    def __init__(self, per_second: float, burst: float, most: int = 10_000) -> None:
        self._per_second = per_second
        self._burst = burst
        self._most = most
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, name: str, now: float) -> float:
        """Take a token; 0, or the seconds until there is one when the bucket is empty."""
        wait = self.wait(name, now)
        if wait == 0.0:
            self._filled(name, now).level -= 1.0
        return wait

    def give_back(self, name: str, now: float) -> None:
        """Put back a token that was taken for nothing."""
        bucket = self._filled(name, now)
        bucket.level = min(self._burst, bucket.level + 1.0)

    def wait(self, name: str, now: float) -> float:
        """The seconds until there is a token, 0 when there is one; takes nothing."""
        missing = 1.0 - self._filled(name, now).level
        return 0.0 if missing <= 0 else missing / self._per_second

    def _filled(self, name: str, now: float) -> _Bucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(self._burst, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
            return bucket
        self._buckets.move_to_end(name)
        bucket.level = min(self._burst, bucket.level + (now - bucket.at) * self._per_second)
        bucket.at = now
        return bucket
