"""No secret reaches the audit log, whatever it was called and wherever it stood."""

from typing import Any

import pytest

from agent_runtime.domain.audit import HIDDEN, changed_part, redacted

CANARY = "c4n4ry-c4n4ry-c4n4ry"


@pytest.mark.parametrize(
    "value",
    [
        {"auth_token": CANARY},
        {"secret_key": CANARY},
        {"key": CANARY},
        {"headers": {"X-Anything": CANARY}},
        {"deep": [{"password": [CANARY]}]},
        {"apiKey": CANARY},
        {"system_prompt": f"use sk-{CANARY} please"},
        {"note": f"Authorization: Bearer {CANARY}"},
        {"url": f"https://user:{CANARY}@host/"},
        {"note": "-----BEGIN RSA PRIVATE KEY-----\n" + CANARY + "\n-----END RSA PRIVATE KEY-----"},
    ],
)
def test_a_secret_is_hidden(value: dict[str, Any]) -> None:
    assert CANARY not in str(redacted(value))


def test_figures_and_plain_texts_stay() -> None:
    value = {"max_output_tokens": 5, "auth_token_set": True, "display_name": "Token counter", "auth_token": None}
    assert redacted(value) == value


def test_a_key_of_ours_is_hidden_in_any_text() -> None:
    assert redacted("the key par_" + "0" * 16 + "_" + "1" * 72 + " leaked") == f"the key {HIDDEN} leaked"


def test_a_long_text_is_cut() -> None:
    assert len(redacted("x" * 50_000)) < 2_100


def test_only_what_differs_is_kept() -> None:
    assert changed_part({"a": 1, "b": {"c": 1, "d": 2}}, {"a": 1, "b": {"c": 1, "d": 3}}) == (
        {"b": {"d": 2}}, {"b": {"d": 3}},
    )  # fmt: skip
    assert changed_part(None, {"a": 1}) == (None, {"a": 1})
