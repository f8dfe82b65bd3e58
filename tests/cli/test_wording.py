"""Values as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agent_runtime.cli.wording import due


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (timedelta(hours=24), "in 24 h"),
        (timedelta(hours=23, minutes=10), "in 23 h"),
        (timedelta(minutes=9, seconds=58), "in 10 min"),
        (timedelta(0), "now"),
    ],
)
def test_a_time_ahead_is_told_to_the_nearest_unit(ahead: timedelta, expected: str) -> None:
    assert due((datetime.now(UTC) + ahead).isoformat()) == expected
