"""Tokens of a reply, as the provider reported them or, when it did not, estimated from text lengths and marked so."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage

from agent_runtime.domain.price import Usage

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English text; it errs low for other scripts, which is why estimates are marked."""

_CACHE_WRITE_KEYS = ("cache_creation", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")


def usage_of(message: AIMessage, prompt: Iterable[BaseMessage] = ()) -> Usage:
    """The usage of one reply. `prompt` is what was sent; it matters only when the provider reported nothing."""
    reported = message.usage_metadata
    if not reported or not (reported["input_tokens"] or reported["output_tokens"]):
        return Usage(estimate_tokens(prompt), estimate_tokens([message]), estimated=True)
    details: Mapping[str, Any] = reported.get("input_token_details") or {}
    return Usage(
        input_tokens=reported["input_tokens"],
        output_tokens=reported["output_tokens"],
        cache_read_tokens=details.get("cache_read") or 0,
        cache_write_tokens=sum(details.get(key) or 0 for key in _CACHE_WRITE_KEYS),
    )


def estimate_tokens(messages: Iterable[BaseMessage]) -> int:
    """About how many tokens these messages are: a quarter of their characters, at least one a message."""
    return sum(1 + _characters(message) // CHARACTERS_PER_TOKEN for message in messages)


def _characters(message: BaseMessage) -> int:
    content = message.content
    count = len(content) if isinstance(content, str) else len(json.dumps(content, default=str))
    if isinstance(message, AIMessage):
        count += sum(len(call["name"]) + len(json.dumps(call["args"], default=str)) for call in message.tool_calls)
    return count
