"""Turns whatever a provider's SDK raises into one classified `ModelCallFailed`, without importing any SDK.

The four SDKs carry the same facts under different names; this reads them by shape. Messages never hold a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agent_runtime.domain.errors import ModelCallFailed
from agent_runtime.domain.model_failure import (
    FailureClass,
    classify_status,
    parse_retry_after,
    says_context_exceeded,
    status_of_word,
)
from agent_runtime.models.providers import ModelReference, ProviderSettings, how_to_configure

LONGEST_DETAIL = 300
_KEY_SHAPES = re.compile(
    r"(?i)\b(?:sk|rk|pk)-[\w*.-]{6,}|\bAIza[\w-]{10,}|\bA[KS]IA[A-Z0-9]{12,}|bearer\s+[\w.~+/=-]{6,}"
)
_UNKNOWN_MODEL_WORDS = ("model identifier is invalid", "model_not_found", "model not found", "unknown model")


@dataclass(frozen=True)
class Facts:
    """What could be read from an exception: status, error words, text, and the reply's headers in lower case."""

    status: int | None
    text: str
    headers: Mapping[str, str]
    retry_delay_seconds: float | None = None


def classify_failure(error: BaseException, settings: ProviderSettings, reference: ModelReference) -> ModelCallFailed:
    """The `ModelCallFailed` for an exception that came out of a provider's SDK."""
    if isinstance(error, ModelCallFailed):
        return error
    facts = _read_facts(error)
    return failed_with_status(facts, settings, reference)


def failed_with_status(facts: Facts, settings: ProviderSettings, reference: ModelReference) -> ModelCallFailed:
    """The `ModelCallFailed` for a status and the provider's own words."""
    failure = classify_status(facts.status)
    context_exceeded = says_context_exceeded(facts.status, facts.text) and not failure.throttled
    if context_exceeded:
        failure = FailureClass("provider_error", retryable=False)
    elif facts.status == 400 and any(word in facts.text.lower() for word in _UNKNOWN_MODEL_WORDS):
        failure = FailureClass("model_unknown", retryable=False)
    wait = facts.retry_delay_seconds
    if wait is None:
        header, date = facts.headers.get("retry-after"), facts.headers.get("date")
        wait = parse_retry_after(header, date_header=date, now=datetime.now(UTC))
    said = f"status {facts.status}" if facts.status is not None else "no usable answer"
    detail = clean(facts.text, settings)
    return ModelCallFailed(
        f"{reference}: {said}{f' ({detail})' if detail else ''}; {_advice(failure, settings, context_exceeded)}",
        code=failure.code,
        provider=reference.provider,
        model=reference.model_id,
        retryable=failure.retryable,
        throttled=failure.throttled,
        status=facts.status,
        retry_after_seconds=wait if failure.retryable else None,
        context_exceeded=context_exceeded,
    )


def broken_reply(what: str, reference: ModelReference) -> ModelCallFailed:
    """A reply that ended early, stalled or cannot be read: worth another try, never kept as an answer."""
    return ModelCallFailed(
        f"{reference}: {what}; nothing of the reply is kept and the call is tried again",
        code="provider_error",
        provider=reference.provider,
        model=reference.model_id,
        retryable=True,
    )


def clean(text: str, settings: ProviderSettings) -> str:
    """One short line of `text` without this provider's secrets and without anything shaped like a key."""
    for secret in settings.secrets:
        text = text.replace(secret, "***")
    line = " ".join(_KEY_SHAPES.sub("***", text).split())
    return line if len(line) <= LONGEST_DETAIL else f"{line[:LONGEST_DETAIL]}…"


def _advice(failure: FailureClass, settings: ProviderSettings, context_exceeded: bool) -> str:
    if context_exceeded:
        return "the conversation is longer than the model's context window: shorten it or choose a larger model"
    if failure.throttled:
        return "the task waits and goes on by itself"
    if failure.code == "provider_auth":
        return f"check the key and its rights: {how_to_configure(settings.name)}"
    if failure.code == "model_unknown":
        return "check the model id against the registry of models, and the provider's base URL"
    if failure.retryable:
        return "the call is tried again"
    return "the provider refuses this request: change the agent's configuration or the input"


def _read_facts(error: BaseException) -> Facts:
    chain = list(_chain(error))
    words = [word for link in chain for word in _error_words(link)]
    statuses = [*map(_status, chain), *map(status_of_word, words)]
    status = next((status for status in statuses if status is not None), None)
    headers = next(filter(None, map(_headers, chain)), {})
    delay = next((seconds for seconds in map(_google_retry_delay, chain) if seconds is not None), None)
    return Facts(status, _text(chain, words), headers, delay)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and its causes, as adapters often hide the SDK's own error behind theirs."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen and len(seen) < 8:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _status(error: BaseException) -> int | None:
    """An HTTP error status; a status below 400 belongs to a stream that failed later and says nothing."""
    candidates = [getattr(error, "status_code", None), getattr(error, "code", None)]
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        candidates.append(_mapping(response.get("ResponseMetadata")).get("HTTPStatusCode"))
    for candidate in candidates:
        if isinstance(candidate, int) and not isinstance(candidate, bool) and 400 <= candidate < 600:
            return candidate
    return None


def _error_words(error: BaseException) -> Iterator[str]:
    """The machine words of an error body: OpenAI and Anthropic `type` and `code`, Google `status`, AWS `Code`."""
    body = _mapping(getattr(error, "body", None))
    inner = _mapping(body.get("error")) or body
    response = getattr(error, "response", None)
    aws = _mapping(response.get("Error")) if isinstance(response, Mapping) else {}
    for value in (inner.get("code"), inner.get("type"), getattr(error, "status", None), aws.get("Code")):
        if isinstance(value, str) and value:
            yield value


def _headers(error: BaseException) -> dict[str, str]:
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        headers: Any = _mapping(response.get("ResponseMetadata")).get("HTTPHeaders")
    else:
        headers = getattr(response, "headers", None)
    return {str(name).lower(): str(value) for name, value in headers.items()} if hasattr(headers, "items") else {}


def _google_retry_delay(error: BaseException) -> float | None:
    """Google answers the wait in the body: `error.details[].retryDelay` like `27s` (google.rpc.RetryInfo)."""
    details = _mapping(_mapping(getattr(error, "details", None)).get("error")).get("details")
    for detail in details if isinstance(details, list) else ():
        delay = _mapping(detail).get("retryDelay")
        if isinstance(delay, str) and delay.endswith("s"):
            return parse_retry_after(delay[:-1], now=datetime.now(UTC))
    return None


def _text(chain: list[BaseException], words: list[str]) -> str:
    """The provider's message where there is one, else the exception's name and text, with its root cause."""
    for link in chain:
        body = _mapping(getattr(link, "body", None))
        message = (_mapping(body.get("error")) or body).get("message")
        if isinstance(message, str) and message:
            return " ".join([*dict.fromkeys(words), message])
    described = [f"{type(link).__name__}: {link}" for link in dict.fromkeys((chain[0], chain[-1]))]
    return "; ".join(described)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
