"""What a failed model call means for its task: try again, wait, or give up. Pure rules over an HTTP status and words.

The classes follow HTTP semantics (RFC 9110, RFC 6585) and the status 529 that Anthropic answers when overloaded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

THROTTLING_STATUSES = frozenset({429, 503, 529})
TRANSIENT_CLIENT_STATUSES = frozenset({408, 409, 425})
LONGEST_RETRY_AFTER_SECONDS = 86_400.0

_STATUS_OF_WORD = {
    "overloaded_error": 529,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "tokens": 429,
    "requests": 429,
    "throttlingexception": 429,
    "toomanyrequestsexception": 429,
    "servicequotaexceededexception": 429,
    "resource_exhausted": 429,
    "serviceunavailableexception": 503,
    "unavailable": 503,
    "modelnotreadyexception": 503,
    "api_error": 500,
    "server_error": 500,
    "internal": 500,
    "internalserverexception": 500,
    "modelstreamerrorexception": 500,
    "modelerrorexception": 500,
    "timeout_error": 408,
    "modeltimeoutexception": 408,
    "deadline_exceeded": 408,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "unauthenticated": 401,
    "unrecognizedclientexception": 401,
    "invalidsignatureexception": 401,
    "expiredtokenexception": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "accessdeniedexception": 403,
    "not_found_error": 404,
    "not_found": 404,
    "model_not_found": 404,
    "resourcenotfoundexception": 404,
    "invalid_request_error": 400,
    "invalid_argument": 400,
    "validationexception": 400,
}

_CONTEXT_WORDS = (
    "context_length_exceeded",
    "context length",
    "context window",
    "prompt is too long",
    "input is too long",
    "input token count",
    "too many input tokens",
    "maximum number of tokens",
)


@dataclass(frozen=True)
class FailureClass:
    """How a failure is handled. `code` is a `last_error_code` word; what is throttled waits without counting."""

    code: str
    retryable: bool
    throttled: bool = False


def status_of_word(word: str) -> int | None:
    """The HTTP status that a provider's error word stands for; errors inside a stream have no status of their own."""
    return _STATUS_OF_WORD.get(word.strip().lower())


def classify_status(status: int | None) -> FailureClass:
    """The class of an HTTP status; None stands for a failed connection, a timeout or an unreadable reply."""
    if status is None:
        return FailureClass("provider_error", retryable=True)
    if status in THROTTLING_STATUSES:
        return FailureClass("provider_error", retryable=True, throttled=True)
    if status in (401, 403):
        return FailureClass("provider_auth", retryable=False)
    if status == 404:
        return FailureClass("model_unknown", retryable=False)
    if 400 <= status < 500 and status not in TRANSIENT_CLIENT_STATUSES:
        return FailureClass("provider_error", retryable=False)
    return FailureClass("provider_error", retryable=True)


def says_context_exceeded(status: int | None, text: str) -> bool:
    """Whether a refusal means that the prompt is longer than the model's context window."""
    lowered = text.lower()
    return status in (400, 413, None) and any(word in lowered for word in _CONTEXT_WORDS)


def parse_retry_after(value: str | None, *, date_header: str | None = None, now: datetime) -> float | None:
    """Seconds to wait from a `Retry-After` header: a number of seconds or an HTTP date (RFC 9110, 10.2.3).

    A date is read against the reply's own `Date` header when there is one, so that a wrong local clock does no harm.
    Returns None for a missing or unreadable value; never negative, never over a day.
    """
    if value is None or not value.strip():
        return None
    try:
        seconds = float(value)
    except ValueError:
        target = _http_date(value)
        if target is None:
            return None
        seconds = (target - (_http_date(date_header) or now)).total_seconds()
    if not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _http_date(value: str | None) -> datetime | None:
    if not value:
        return None
    try:
        parsed = parsedate_to_datetime(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
