"""The scripted provider: deterministic, stateless, driven by the conversation."""

import asyncio
import json
import time
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import tool

from agent_runtime.domain.errors import ModelCallFailed
from agent_runtime.models import ModelOptions, ModelReference, Providers, open_chat_model, token_sink, usage_of
from agent_runtime.models.streamed_model import RuntimeChatModel


@tool
def calculator(expression: str) -> str:
    """Work out an expression."""
    return f"result of {expression}"


def opened(**options: Any) -> RuntimeChatModel:
    return open_chat_model(
        ModelReference("scripted", "default"), ModelOptions(**options), Providers.from_environment({})
    )


def script(*turns: Any, **pace: Any) -> HumanMessage:
    return HumanMessage(json.dumps({"script": turns, **pace}))


CALL = {"tool": "calculator", "args": {"expression": "1+1"}}


async def test_a_script_runs_through_create_agent() -> None:
    agent = create_agent(opened(), [calculator])
    answer = await agent.ainvoke({"messages": [script(CALL, {"tools": [CALL, CALL]}, {"text": "done"})]})
    assert [type(message).__name__ for message in answer["messages"]] == [
        "HumanMessage", "AIMessage", "ToolMessage", "AIMessage", "ToolMessage", "ToolMessage", "AIMessage",
    ]  # fmt: skip
    assert answer["messages"][-1].text == "done"


async def test_the_same_conversation_gets_the_same_reply() -> None:
    conversation = [script(CALL, {"text": "done"})]
    first, second = [await opened().ainvoke(conversation) for _ in range(2)]
    assert first.tool_calls == second.tool_calls
    assert first.tool_calls[0]["id"] == "call_0_0"


async def test_a_follow_up_has_its_own_script() -> None:
    conversation: list[BaseMessage] = [script({"text": "first"}), AIMessage("first"), script({"text": "second"})]
    assert (await opened().ainvoke(conversation)).text == "second"
    plain = [*conversation, AIMessage("second"), HumanMessage("and now?")]
    assert (await opened().ainvoke(plain)).text == "You said: and now?"


async def test_a_script_that_is_over_says_so() -> None:
    assert (await opened().ainvoke([script({"text": "a"}), AIMessage("a")])).text == "Script finished."


async def test_input_without_a_script_is_echoed() -> None:
    assert (await opened().ainvoke("good morning")).text == "You said: good morning"
    assert (await opened().ainvoke('{"script" is not JSON')).text.startswith("You said: ")


async def test_tokens_are_as_the_script_says() -> None:
    message = await opened().ainvoke([script({"text": "x", "output_tokens": 9}, input_tokens=77, cache_read_tokens=50)])
    usage = usage_of(message)
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.estimated) == (77, 9, 50, False)


@pytest.mark.parametrize(
    ("status", "retryable", "throttled"), [(429, True, True), (500, True, False), (400, False, False)]
)
async def test_a_scripted_error_is_classified_like_a_real_one(status: int, retryable: bool, throttled: bool) -> None:
    with pytest.raises(ModelCallFailed) as caught:
        await opened().ainvoke([script({"error": {"status": status, "retry_after": 3}})])
    failure = caught.value
    assert (failure.status, failure.retryable, failure.throttled) == (status, retryable, throttled)
    assert failure.retry_after_seconds == (3.0 if retryable else None)


@pytest.mark.parametrize(
    "broken",
    [
        {"script": {}},
        {"script": [1]},
        {"script": [{"tol": "x"}]},
        {"script": [{"tools": [{}]}]},
        {"script": [], "extra": 1},
        {"script": [{"error": {}}]},
        {"script": [{"latency_seconds": True}]},
        {"script": [{"input_tokens": -1}]},
    ],
)
async def test_a_malformed_script_is_a_configuration_error(broken: Any) -> None:
    with pytest.raises(ModelCallFailed, match="script") as caught:
        await opened().ainvoke(json.dumps(broken))
    assert (caught.value.code, caught.value.retryable) == ("invalid_config", False)


async def test_unreadable_arguments_arrive_as_an_invalid_call() -> None:
    message = await opened().ainvoke([script({"tool": "calculator", "args": '{"expression": '})])
    assert message.tool_calls == []
    assert message.invalid_tool_calls[0]["name"] == "calculator"


async def test_tokens_are_heard_at_the_scripts_pace() -> None:
    heard: list[str] = []
    token = token_sink.set(heard.append)
    started = time.monotonic()
    try:
        await opened().ainvoke([script({"text": "one two three", "tokens_per_second": 50})])
    finally:
        token_sink.reset(token)
    assert heard == ["one", " two", " three"]
    assert time.monotonic() - started >= 0.05


async def test_waiting_can_be_cancelled_and_has_a_limit() -> None:
    slow = [script({"text": "late", "latency_seconds": 60})]
    call = asyncio.create_task(opened().ainvoke(slow))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    with pytest.raises(ModelCallFailed, match="no answer began"):
        await opened(first_byte_seconds=0.05).ainvoke(slow)
