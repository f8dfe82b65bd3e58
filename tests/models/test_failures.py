"""Reading what SDKs raise: status, wait, words, and nothing secret."""

from typing import Any

import pytest

from agent_runtime.models.failures import classify_failure
from agent_runtime.models.providers import ModelReference, ProviderSettings

SETTINGS = ProviderSettings("openai", "openai", "my-own-secret-value")
REFERENCE = ModelReference("openai", "gpt-x")


class SdkError(Exception):
    """An SDK's exception with whatever attributes."""

    def __init__(self, text: str = "failed", **attributes: Any) -> None:
        super().__init__(text)
        self.__dict__.update(attributes)


class Response:
    """An HTTP response as exceptions carry it."""

    def __init__(self, **headers: str) -> None:
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def test_an_http_date_is_read_against_the_replys_own_date() -> None:
    response = Response(Retry_After="Thu, 01 Jan 2026 12:00:30 GMT", Date="Thu, 01 Jan 2026 12:00:10 GMT")
    failure = classify_failure(SdkError(status_code=429, response=response), SETTINGS, REFERENCE)
    assert (failure.throttled, failure.retry_after_seconds) == (True, 20.0)


def test_google_says_in_the_body_how_long_to_wait() -> None:
    details = {"error": {"details": [{"@type": "x"}, {"retryDelay": "27s"}]}}
    failure = classify_failure(SdkError(code=429, status="RESOURCE_EXHAUSTED", details=details), SETTINGS, REFERENCE)
    assert failure.retry_after_seconds == 27.0


def test_an_error_inside_a_good_reply_is_read_from_its_words() -> None:
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    failure = classify_failure(SdkError(status_code=200, body=body), SETTINGS, REFERENCE)
    assert (failure.status, failure.throttled) == (529, True)


def test_an_aws_error_without_a_status_is_read_from_its_code() -> None:
    failure = classify_failure(SdkError(response={"Error": {"Code": "throttlingException"}}), SETTINGS, REFERENCE)
    assert failure.throttled


def test_the_cause_counts_when_an_adapter_hides_it() -> None:
    outer = SdkError("wrapped")
    outer.__cause__ = SdkError(code=400)
    assert not classify_failure(outer, SETTINGS, REFERENCE).retryable


def test_anything_unknown_is_worth_another_try() -> None:
    failure = classify_failure(KeyError("choices"), SETTINGS, REFERENCE)
    assert (failure.code, failure.retryable, failure.status) == ("provider_error", True, None)
    assert "KeyError" in str(failure)


@pytest.mark.parametrize(
    "secret", ["my-own-secret-value", "sk-proj-abcdefgh12345", "AKIAIOSFODNN7EXAMPLE", "Bearer abc.def.ghi"]
)
def test_messages_hold_nothing_that_looks_like_a_key(secret: str) -> None:
    body = {"error": {"message": f"Incorrect key: {secret} given"}}
    failure = classify_failure(SdkError(status_code=401, body=body), SETTINGS, REFERENCE)
    assert secret not in str(failure)
    assert "***" in str(failure)
    assert "OPENAI_API_KEY" in str(failure)


def test_a_long_answer_is_cut_to_one_line() -> None:
    failure = classify_failure(SdkError("line\n" * 1_000, status_code=500), SETTINGS, REFERENCE)
    assert "\n" not in str(failure)
    assert len(str(failure)) < 600
