"""Every fault of a provider becomes one classified failure, in bounded time, without a word of the key."""

import asyncio
import json
import time
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool

from agent_runtime.domain.errors import ModelCallFailed
from agent_runtime.models.streamed_model import RuntimeChatModel
from tests.models.conftest import SECRET, OpenModel
from tests.support.model_server import ModelServer
from tests.support.waiting import eventually

QUICK = {"first_byte_seconds": 0.6, "stall_seconds": 0.4, "timeout_seconds": 2.0}
# Where no fault takes time, none may end it: the answer is there at once, however busy the machine.
PATIENT = {"first_byte_seconds": 30.0, "stall_seconds": 30.0, "timeout_seconds": 60.0}
TEXT = "one two three four five six seven eight nine ten"


@tool
def calculator(expression: str) -> str:
    """Work out an expression."""
    return expression


def failing(**turn: Any) -> list[HumanMessage]:
    return [HumanMessage(json.dumps({"script": [{"text": TEXT, **turn}]}))]


async def failure_of(model: RuntimeChatModel, messages: list[HumanMessage], *, within: float = 2.0) -> ModelCallFailed:
    started = time.monotonic()
    with pytest.raises(ModelCallFailed) as caught:
        await model.ainvoke(messages)
    assert time.monotonic() - started < within
    failure = caught.value
    assert SECRET not in str(failure)
    assert SECRET not in repr(failure.__cause__)
    assert failure.provider in str(failure)
    assert failure.model in str(failure)
    return failure


@pytest.mark.parametrize("fault", ["hang", "stall", "drip"])
async def test_silence_is_noticed_although_bytes_may_flow(
    open_model: OpenModel, server: ModelServer, provider: str, fault: str
) -> None:
    failure = await failure_of(open_model(provider, **QUICK), failing(fault=fault))
    assert (failure.code, failure.retryable, failure.throttled) == ("provider_error", True, False)

    async def noticed() -> bool:
        return server.book.entries[0].outcome == "aborted"

    await eventually(noticed, "the server sees the aborted request", seconds=5)


@pytest.mark.parametrize("fault", ["truncate", "reset", "malformed", "content_type", "empty_choices"])
async def test_a_broken_reply_is_never_an_answer(open_model: OpenModel, provider: str, fault: str) -> None:
    failure = await failure_of(open_model(provider, **PATIENT), failing(fault=fault))
    assert (failure.code, failure.retryable, failure.throttled) == ("provider_error", True, False)


@pytest.mark.parametrize("status", [429, 503, 529])
async def test_throttling_asks_to_wait(open_model: OpenModel, server: ModelServer, provider: str, status: int) -> None:
    error = {"status": status, "retry_after": 7}
    failure = await failure_of(open_model(provider, **PATIENT), failing(error=error))
    assert (failure.status, failure.retryable, failure.throttled) == (status, True, True)
    assert failure.retry_after_seconds == 7.0
    failure = await failure_of(open_model(provider, **PATIENT), failing(error={"status": status}))
    assert failure.throttled
    assert failure.retry_after_seconds is None
    assert len(server.book.entries) == 2, "the SDK's own retries are off"


@pytest.mark.parametrize("status", [408, 500, 502])
async def test_server_errors_are_tried_again_by_us_only(
    open_model: OpenModel, server: ModelServer, provider: str, status: int
) -> None:
    failure = await failure_of(open_model(provider, **PATIENT), failing(error={"status": status}))
    assert (failure.code, failure.status, failure.retryable, failure.throttled) == (
        "provider_error",
        status,
        True,
        False,
    )
    assert len(server.book.entries) == 1


async def test_a_failure_inside_a_stream_is_read(open_model: OpenModel, provider: str) -> None:
    failure = await failure_of(open_model(provider, **PATIENT), failing(fault="stream_error"))
    assert failure.retryable
    assert failure.throttled or provider in ("google", "openai", "local")


async def test_a_refused_request_is_final(open_model: OpenModel, provider: str) -> None:
    failure = await failure_of(
        open_model(provider, **QUICK), failing(error={"status": 400, "message": "no such option"})
    )
    assert (failure.code, failure.retryable, failure.context_exceeded) == ("provider_error", False, False)
    assert "no such option" in str(failure)


async def test_a_prompt_that_is_too_long_is_told_apart(open_model: OpenModel, provider: str) -> None:
    error = {"status": 400, "message": "prompt is too long: 300000 tokens, context_length_exceeded"}
    failure = await failure_of(open_model(provider, **QUICK), failing(error=error))
    assert (failure.retryable, failure.context_exceeded) == (False, True)


# The endpoint `local` has no key that could be wrong.
@pytest.mark.parametrize("provider", ["openai", "anthropic", "google", "bedrock"])
async def test_a_wrong_key_is_an_auth_failure_that_does_not_show_it(open_model: OpenModel, provider: str) -> None:
    key = "wrong-key-0123456789"
    failure = await failure_of(open_model(provider, key=key, **QUICK), failing())
    assert (failure.code, failure.retryable, failure.status) == ("provider_auth", False, 401)
    assert key not in str(failure)


async def test_an_unknown_model_is_named(open_model: OpenModel, provider: str) -> None:
    failure = await failure_of(open_model(provider, model="no-such-model", **QUICK), failing())
    assert (failure.code, failure.retryable) == ("model_unknown", False)
    assert "no-such-model" in str(failure)


async def test_a_server_that_is_gone_is_tried_again(open_model: OpenModel, server: ModelServer, provider: str) -> None:
    model = open_model(provider, **QUICK)
    await server.stop()
    failure = await failure_of(model, failing())
    assert (failure.code, failure.retryable, failure.throttled, failure.status) == ("provider_error", True, False, None)


@pytest.mark.parametrize("fault", ["hang", "stall"])
async def test_cancelling_closes_the_request(
    open_model: OpenModel, server: ModelServer, provider: str, fault: str
) -> None:
    call = asyncio.create_task(open_model(provider).ainvoke(failing(fault=fault)))

    async def asked() -> bool:
        return bool(server.book.entries)

    async def aborted() -> bool:
        return server.book.entries[0].outcome == "aborted"

    await eventually(asked, "the request arrives")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await eventually(aborted, "the server sees the closed connection", seconds=2)


async def test_slow_but_steady_content_is_not_a_stall(open_model: OpenModel, provider: str) -> None:
    messages = failing(tokens_per_second=10)
    message = await open_model(provider, first_byte_seconds=1.0, stall_seconds=0.5, timeout_seconds=10.0).ainvoke(
        messages
    )
    assert message.text == TEXT


async def test_the_whole_call_has_a_limit(open_model: OpenModel, provider: str) -> None:
    model = open_model(provider, first_byte_seconds=0.5, stall_seconds=0.4, timeout_seconds=0.7)
    failure = await failure_of(model, failing(tokens_per_second=10), within=1.5)
    assert failure.retryable
    assert "not done after" in str(failure)


@pytest.mark.parametrize("provider", ["openai", "local", "anthropic", "bedrock"])
async def test_unreadable_tool_arguments_stay_invalid_calls(open_model: OpenModel, provider: str) -> None:
    model = open_model(provider).bind_tools([calculator])
    message = await model.ainvoke(failing(fault="invalid_arguments", tool="calculator", args={}))
    assert message.tool_calls == []
    (invalid,) = message.invalid_tool_calls
    assert (invalid["name"], invalid["args"]) == ("calculator", '{"expression": "1+')
    assert invalid["id"]
    assert "not valid JSON" in str(invalid["error"])
