"""What a failed model call means for its task."""

from datetime import UTC, datetime

import pytest

from agent_runtime.domain.model_failure import (
    FailureClass,
    classify_status,
    parse_retry_after,
    says_context_exceeded,
    status_of_word,
)

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", [429, 503, 529])
def test_throttling_waits_without_counting(status: int) -> None:
    assert classify_status(status) == FailureClass("provider_error", retryable=True, throttled=True)


@pytest.mark.parametrize("status", [None, 408, 409, 425, 500, 502, 504, 599])
def test_passing_failures_are_tried_again(status: int | None) -> None:
    assert classify_status(status) == FailureClass("provider_error", retryable=True)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "provider_error"),
        (401, "provider_auth"),
        (403, "provider_auth"),
        (404, "model_unknown"),
        (422, "provider_error"),
    ],
)
def test_refusals_are_final(status: int, code: str) -> None:
    assert classify_status(status) == FailureClass(code, retryable=False)


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("7", None, 7.0),
        ("0.5", None, 0.5),
        ("-3", None, 0.0),
        ("1e12", None, 86_400.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", None, 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", None, 0.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", "Thu, 01 Jan 2026 12:00:10 GMT", 20.0),
        (None, None, None),
        ("", None, None),
        ("soon", None, None),
        ("nan", None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, date: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, date_header=date, now=NOW) == seconds


def test_words_inside_streams_stand_for_statuses() -> None:
    assert [status_of_word(word) for word in ("overloaded_error", "ThrottlingException", "nonsense")] == [
        529,
        429,
        None,
    ]


def test_a_too_long_prompt_is_told_apart_from_other_refusals() -> None:
    assert says_context_exceeded(400, "This model's maximum context length is 8192 tokens")
    assert not says_context_exceeded(400, "temperature is not supported")
    assert not says_context_exceeded(429, "rate limit of the context window")
