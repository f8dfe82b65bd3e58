"""What a client sent, in one form for all four protocols, and the rules that a history must keep."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agent_runtime.models.script import Script, Turn, echo, parse_script


@dataclass
class Spoken:
    """One message: `role` is system, user, assistant or tool; ids of the calls it makes or the calls it answers."""

    role: str
    text: str = ""
    call_ids: list[str] = field(default_factory=list)
    answered_ids: list[str] = field(default_factory=list)


@dataclass
class Place:
    """Which turn a request asks for: the task's marker, the step in its script, and the turn itself."""

    task: str
    step: int
    turn: Turn


def find_place(history: list[Spoken]) -> Place:
    """The turn to answer: the position is the number of replies since the last user message that holds a script."""
    replies, last_text = 0, None
    for message in reversed(history):
        if message.role == "assistant":
            replies += 1
        elif message.role == "user" and message.text:
            script = parse_script(message.text)
            if script is not None:
                return _scripted_place(script, message.text, replies, last_text)
            last_text = message.text if last_text is None else last_text
    text = last_text or ""
    return Place(hashlib.sha256(text.encode()).hexdigest()[:12], replies, echo(text))


def _scripted_place(script: Script, text: str, replies: int, last_text: str | None) -> Place:
    task = script.task or hashlib.sha256(text.encode()).hexdigest()[:12]
    if last_text is not None and replies >= len(script.turns):
        return Place(task, replies, echo(last_text))
    return Place(task, replies, script.turn(replies))


def history_hash(history: list[Spoken]) -> str:
    """The same for the same conversation."""
    plain = json.dumps([message.__dict__ for message in history], sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def violations_of(history: list[Spoken]) -> list[str]:
    """Every breach of: each tool call has exactly one result, right after it, in the order of the calls."""
    found: list[str] = []
    open_ids: list[str] = []
    seen: set[str] = set()
    for message in history:
        if message.role == "tool":
            for answered in message.answered_ids:
                found += _answer(answered, open_ids)
            continue
        if open_ids:
            found.append(f"tool calls without a result before the next message: {open_ids}")
            open_ids = []
        for call_id in message.call_ids:
            if not call_id or call_id in seen:
                found.append(f"tool call id {call_id!r} is empty or used twice")
            seen.add(call_id)
        open_ids = list(message.call_ids)
    if open_ids:
        found.append(f"tool calls without a result at the end: {open_ids}")
    if not any(message.role == "user" for message in history):
        found.append("no user message")
    return found


def _answer(answered: str, open_ids: list[str]) -> list[str]:
    if not open_ids or answered not in open_ids:
        return [f"a tool result for {answered!r}, which no open call has"]
    if open_ids[0] != answered:
        open_ids.remove(answered)
        return [f"the tool result for {answered!r} is out of order"]
    open_ids.pop(0)
    return []


def read_openai(body: dict[str, Any]) -> list[Spoken]:
    """Chat completions."""
    history = []
    for message in body["messages"]:
        role = {"developer": "system"}.get(message["role"], message["role"])
        spoken = Spoken(role, _joined(message.get("content")))
        if role == "assistant":
            spoken.call_ids = [call["id"] for call in message.get("tool_calls") or ()]
        elif role == "tool":
            spoken.answered_ids = [message["tool_call_id"]]
        history.append(spoken)
    return history


def read_anthropic(body: dict[str, Any]) -> list[Spoken]:
    """The Messages API: results travel as blocks of a user message."""
    history = [Spoken("system", _joined(body["system"]))] if body.get("system") else []
    for message in body["messages"]:
        blocks = (
            message["content"]
            if isinstance(message["content"], list)
            else [{"type": "text", "text": message["content"]}]
        )
        calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        history += _as_messages(message["role"], _texts(blocks), calls, results)
    return history


def read_google(body: dict[str, Any]) -> list[Spoken]:
    """generateContent: calls may lack ids, so that the name and the place stand for them."""
    history = []
    call_number = result_number = 0
    for content in body["contents"]:
        calls, results = [], []
        for part in content["parts"]:
            if call := part.get("functionCall"):
                calls.append(f"{call['name']}#{call_number}")
                call_number += 1
            if result := part.get("functionResponse"):
                results.append(f"{result['name']}#{result_number}")
                result_number += 1
        role = "assistant" if content.get("role") == "model" else "user"
        history += _as_messages(role, _texts(content["parts"]), calls, results)
    return history


def read_bedrock(body: dict[str, Any]) -> list[Spoken]:
    """Converse."""
    history = []
    for message in body["messages"]:
        blocks = message["content"]
        calls = [block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block]
        results = [block["toolResult"]["toolUseId"] for block in blocks if "toolResult" in block]
        history += _as_messages(message["role"], _texts(blocks), calls, results)
    return history


def _as_messages(role: str, text: str, calls: list[str], results: list[str]) -> list[Spoken]:
    """A user message with results becomes tool messages, and a user message when it also says something."""
    if role == "assistant":
        return [Spoken("assistant", text, call_ids=calls)]
    tools = [Spoken("tool", answered_ids=[result]) for result in results]
    return [*tools, Spoken("user", text)] if text or not tools else tools


def _joined(content: Any) -> str:
    if isinstance(content, list):
        return _texts(content)
    return content or ""


def _texts(blocks: Iterable[Any]) -> str:
    return "".join(block.get("text", "") for block in blocks if isinstance(block, dict))
