"""Which times statistics can tell apart: minutes of the last hour, hours of the last week, days of the last year."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Bucket = Literal["minute", "hour", "day"]
STEP = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
# How far back each step can be told; older counters stand in coarser rows.
REACH = {"minute": timedelta(minutes=60), "hour": timedelta(days=7), "day": timedelta(days=365)}
_DEFAULT_RANGE = timedelta(hours=24)


@dataclass(frozen=True)
class StatsRange:
    """The steps from `first` to `last`, each given by its start."""

    first: datetime
    last: datetime
    bucket: Bucket

    @property
    def end(self) -> datetime:
        """Where the last step ends."""
        return self.last + STEP[self.bucket]


def stats_range(now: datetime, start: datetime | None, end: datetime | None, bucket: Bucket | None) -> StatsRange:
    """The whole steps that hold `start` to `end`; by default the last 24 hours, in the finest step that reaches so far.

    Raises ValueError saying what is wrong with the range.
    """
    last = min(end or now, now)
    first = start if start is not None else last - _DEFAULT_RANGE
    if first >= last:
        raise ValueError("must lie before `to` and before now")
    if bucket is None:
        bucket = _finest(now, first)
    if now - first > REACH[bucket] + STEP[bucket]:
        raise ValueError(f"lies too far back: steps of a {bucket} are kept for {_worded(REACH[bucket])}")
    return StatsRange(_start_of(first, bucket), _start_of(last - timedelta(microseconds=1), bucket), bucket)


def _finest(now: datetime, first: datetime) -> Bucket:
    order: tuple[Bucket, ...] = ("minute", "hour", "day")
    return next((bucket for bucket in order if now - first <= REACH[bucket]), "day")


def _start_of(moment: datetime, bucket: Bucket) -> datetime:
    start = moment.astimezone(UTC).replace(second=0, microsecond=0)
    if bucket == "minute":
        return start
    start = start.replace(minute=0)
    return start if bucket == "hour" else start.replace(hour=0)


def _worded(span: timedelta) -> str:
    return f"{span.days} days" if span.days else f"{span.seconds // 60} minutes"
