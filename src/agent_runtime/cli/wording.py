"""How values are worded for people: money, durations, times, and text from elsewhere made safe for a terminal."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

# Control characters of a model's or tool's text could move the cursor or rename the window of whoever reads it.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def safe(text: object) -> str:
    """The text without control characters; line breaks and tabs stay."""
    return _CONTROL.sub("\ufffd", str(text).replace("\r\n", "\n"))


def safe_line(text: object, width: int | None = None) -> str:
    """The text on one line, cut to `width` with an ellipsis."""
    line = " ".join(safe(text).split())
    return line if width is None or len(line) <= width else f"{line[: max(width - 1, 1)]}…"


def money(microdollars: int | None) -> str:
    """Dollars with as many digits as small amounts need; None is a price that nobody knows."""
    if microdollars is None:
        return "unknown"
    dollars = microdollars / 1_000_000
    return f"${dollars:,.2f}" if abs(dollars) >= 10 else f"${dollars:.6f}".rstrip("0").ljust(5, "0")


def spent_of(pause: dict[str, Any]) -> str:
    """`, $0.0011 spent of $0.001`, from the details of a pause; empty when they do not tell."""
    spent, budget = pause.get("spent_microdollars"), pause.get("budget_microdollars")
    return f", {money(spent)} spent of {money(budget)}" if spent is not None and budget is not None else ""


def count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def duration(seconds: float | None) -> str:
    """`0.42 s`, `12.3 s`, `4 min 05 s`, `3 h 12 min`."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Seconds between two RFC 3339 times; None when one is missing."""
    return None if not start or not end else (moment(end) - moment(start)).total_seconds()


def moment(text: str) -> datetime:
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def age(text: str | None) -> str:
    """How long ago a time was, coarse: `now`, `40 s ago`, `3 min ago`, `5 h ago`, `12 d ago`."""
    if not text:
        return "-"
    seconds = int((datetime.now(UTC) - moment(text)).total_seconds())
    for limit, divisor, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return "now" if seconds < 2 else f"{seconds // divisor} {unit} ago"
    return f"{seconds // 86_400} d ago"


def due(text: str | None) -> str:
    """How long until a time, coarse: `in 40 s`, `in 3 min`, `in 5 h`, `in 12 d`; `now` when it is past."""
    if not text:
        return "-"
    seconds = int((moment(text) - datetime.now(UTC)).total_seconds())
    for limit, divisor, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return "now" if seconds < 1 else f"in {round(seconds / divisor)} {unit}"
    return f"in {seconds // 86_400} d"


def task_duration(task: dict[str, Any]) -> str:
    """From the first claim to the end, as the task's own times tell."""
    return duration(seconds_between(task.get("started_at"), task.get("completed_at") or task.get("dead_lettered_at")))


def result_text(task: dict[str, Any]) -> str:
    """The text of a task's output; empty when it has none."""
    output = task.get("output")
    return str(output.get("result") or "") if isinstance(output, dict) else ""
