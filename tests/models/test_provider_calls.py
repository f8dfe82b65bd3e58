"""Every provider's own SDK against the scripted server: replies, usage, tools, live tokens."""

import json
from typing import Any

from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from agent_runtime.models import finish_reason_of, token_sink, usage_of
from tests.models.conftest import OpenModel
from tests.support.model_server import ModelServer


@tool
def calculator(expression: str) -> str:
    """Work out an expression."""
    return f"result of {expression}"


def script(*turns: dict[str, Any], **pace: Any) -> HumanMessage:
    """A user message that holds a script."""
    return HumanMessage(json.dumps({"script": turns, **pace}))


def call(expression: str, **more: Any) -> dict[str, Any]:
    return {"tool": "calculator", "args": {"expression": expression}, **more}


async def test_a_reply_arrives_whole_with_its_usage(open_model: OpenModel, provider: str) -> None:
    message = await open_model(provider).ainvoke(
        [
            SystemMessage("be brief"),
            script({"text": "all done at last"}, input_tokens=100, output_tokens=7, cache_read_tokens=30),
        ]
    )
    assert message.text == "all done at last"
    usage = usage_of(message)
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (100, 7, 30)
    assert not usage.estimated
    assert finish_reason_of(message) == "stop"


async def test_tokens_are_heard_while_they_come(open_model: OpenModel, provider: str) -> None:
    heard: list[str] = []
    token = token_sink.set(heard.append)
    try:
        await open_model(provider).ainvoke([script({"text": "one two three four"})])
    finally:
        token_sink.reset(token)
    assert "".join(heard) == "one two three four"
    assert len(heard) > 1


async def test_a_tool_loop_runs_through_create_agent(open_model: OpenModel, server: ModelServer, provider: str) -> None:
    agent = create_agent(open_model(provider), [calculator], system_prompt="use tools")
    task = script(call("1+1", text="let me see"), {"tools": [call("2+2"), call("3+3")]}, {"text": "finished"})
    answer = await agent.ainvoke({"messages": [task]})
    results = [message.content for message in answer["messages"] if isinstance(message, ToolMessage)]
    assert results == ["result of 1+1", "result of 2+2", "result of 3+3"]
    assert answer["messages"][-1].text == "finished"
    assert [entry.step for entry in server.book.entries] == [0, 1, 2]
    assert {entry.outcome for entry in server.book.entries} == {"answered"}


async def test_the_output_limit_is_always_sent(open_model: OpenModel, server: ModelServer, provider: str) -> None:
    await open_model(provider).ainvoke("hello")
    await open_model(provider, max_output_tokens=50_000, max_output_limit=4_096).ainvoke("hello")
    assert [entry.max_output_tokens for entry in server.book.entries] == [8_192, 4_096]


async def test_missing_usage_is_estimated_and_marked(open_model: OpenModel, provider: str) -> None:
    prompt = [script({"text": "a reply of forty characters, more or less", "fault": "no_usage"})]
    usage = usage_of(await open_model(provider).ainvoke(prompt), prompt)
    assert usage.estimated
    assert usage.input_tokens > 10
    assert usage.output_tokens > 5


async def test_a_reply_cut_by_the_limit_says_so(open_model: OpenModel, provider: str) -> None:
    message = await open_model(provider).ainvoke([script({"text": "half of", "finish_reason": "length"})])
    assert finish_reason_of(message) == "length"


async def test_duplicate_and_empty_call_ids_become_unique(open_model: OpenModel, provider: str) -> None:
    for fault in ("duplicate_ids", "empty_ids"):
        agent = create_agent(open_model(provider), [calculator])
        task = script({"tools": [call("1"), call("2")], "fault": fault}, {"text": "finished"})
        answer = await agent.ainvoke({"messages": [task]})
        ids = [
            made["id"]
            for message in answer["messages"]
            if isinstance(message, AIMessage)
            for made in message.tool_calls
        ]
        assert len(set(ids)) == 2
        assert all(ids)
        assert answer["messages"][-1].text == "finished"


async def test_structured_output_by_a_tool_works(open_model: OpenModel, provider: str) -> None:
    class Verdict(BaseModel):
        """The verdict."""

        good: bool

    agent = create_agent(open_model(provider), [], response_format=ToolStrategy(Verdict))
    answer = await agent.ainvoke({"messages": [script({"tool": "Verdict", "args": {"good": True}})]})
    assert answer["structured_response"] == Verdict(good=True)


async def test_bindings_are_remembered_by_tools_and_choice(open_model: OpenModel) -> None:
    model = open_model("openai")
    assert model.bind_tools([calculator]) is model.bind_tools([calculator])
    assert model.bind_tools([calculator]) is not model.bind_tools([calculator], tool_choice="any")


async def test_the_profile_of_the_inner_model_shows(open_model: OpenModel) -> None:
    profile = open_model("anthropic").profile
    assert profile is not None
    assert profile["max_input_tokens"] > 100_000


async def test_temperature_is_sent_only_when_set(open_model: OpenModel, server: ModelServer, provider: str) -> None:
    await open_model(provider, temperature=0.0).ainvoke("hello")
    await open_model(provider).ainvoke("hello")
    assert [entry.temperature for entry in server.book.entries] == [0.0, None]
