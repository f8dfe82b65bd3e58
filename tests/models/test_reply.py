"""From chunks to one reply."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolCall
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk

from agent_runtime.models.reply import (
    FOLD_EVERY,
    ReplyBuilder,
    UniqueCallIds,
    finish_reason_of,
    finished_message,
    has_content,
    parse_arguments,
)


def test_a_long_stream_is_summed_in_groups() -> None:
    builder = ReplyBuilder()
    for number in range(FOLD_EVERY * 3 + 5):
        builder.add(AIMessageChunk(content=f"{number} "))
    whole = builder.whole()
    assert whole is not None
    assert whole.content == "".join(f"{number} " for number in range(FOLD_EVERY * 3 + 5))
    assert len(builder._pending) < FOLD_EVERY


@pytest.mark.parametrize("text", ['{"a": 1', '{"a": NaN}', "[1]", '"x"', "{", "[" * 100_000])
def test_cut_off_or_odd_arguments_are_not_completed(text: str) -> None:
    arguments, problem = parse_arguments(text)
    assert arguments is None
    assert problem


def test_no_arguments_are_an_empty_object() -> None:
    assert parse_arguments("") == ({}, None)


def chunk_with_calls(*calls: tuple[str, str, str | None]) -> AIMessageChunk:
    chunks = [
        tool_call_chunk(name=name, args=args, id=call_id, index=i) for i, (name, args, call_id) in enumerate(calls)
    ]
    return AIMessageChunk(content="", tool_call_chunks=chunks)


def test_ids_are_unique_over_the_whole_conversation_and_repeatable() -> None:
    history = [HumanMessage("x"), AIMessage("", tool_calls=[ToolCall(name="t", args={}, id="call_0")])]
    reply = chunk_with_calls(("t", "{}", "call_0"), ("t", "{}", None), ("t", "{}", ""), ("t", "{}", "new"))
    ids = [call["id"] for call in finished_message(reply, history).tool_calls]
    assert ids[3] == "new"
    assert len({*ids, "call_0"}) == 5
    assert ids == [call["id"] for call in finished_message(reply, history).tool_calls]


def test_a_long_id_stays_within_what_providers_accept() -> None:
    ids = UniqueCallIds([])
    ids.take("x" * 40)
    assert len(ids.take("x" * 40)) <= 40


def test_a_call_without_a_name_is_invalid() -> None:
    message = finished_message(chunk_with_calls(("", "{}", "a"), ("t", "{}", "b")), [])
    assert [call["id"] for call in message.invalid_tool_calls] == ["a"]
    assert [call["id"] for call in message.tool_calls] == ["b"]


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"finish_reason": "stop"}, "stop"),
        ({"finish_reason": "MAX_TOKENS"}, "length"),
        ({"stop_reason": "tool_use"}, "tool_calls"),
        ({"stopReason": "guardrail_intervened"}, "content_filter"),
        ({"status": "completed"}, "stop"),
        ({"finish_reason": "MALFORMED_FUNCTION_CALL"}, "malformed"),
        ({"finish_reason": "whatever"}, "other"),
        ({}, None),
    ],
)
def test_reasons_to_stop_have_one_vocabulary(metadata: dict[str, Any], reason: str | None) -> None:
    assert finish_reason_of(AIMessage("", response_metadata=metadata)) == reason


def test_pings_and_bare_usage_are_not_content() -> None:
    assert not has_content(AIMessageChunk(content=""))
    assert not has_content(AIMessageChunk(content=[]))
    usage = UsageMetadata(input_tokens=1, output_tokens=1, total_tokens=2)
    assert not has_content(AIMessageChunk(content="", usage_metadata=usage))
    assert has_content(AIMessageChunk(content="x"))
