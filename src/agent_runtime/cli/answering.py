"""Answers to what waits for a person, each bound to the request that the person has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent_runtime.cli.output import Output
from agent_runtime.cli.request_page import call_line

if TYPE_CHECKING:
    from agent_runtime.client import JsonObject, RuntimeClient


@dataclass(frozen=True)
class GivenAnswer:
    """`verb` is approve, reject or respond; `fields` are what the client's call of that name takes.

    `request_id` is the request that the person means; None is the one that is open.
    """

    verb: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    request_id: str | None = None


async def give_now(client: RuntimeClient, task_id: str, given: GivenAnswer, output: Output) -> int:
    """Answer what the task asks now."""
    return await give(client, task_id, await client.human_requests.of_task(task_id), given, output)


async def give(
    client: RuntimeClient, task_id: str, request: JsonObject | None, given: GivenAnswer, output: Output
) -> int:
    """Answer the request and say so.

    Without an open one the answer is sent all the same: the server's refusal says who answered what and when.
    """
    call = getattr(client.tasks, given.verb)
    seen = request or {}
    task: JsonObject = await call(task_id, request_id=given.request_id or seen.get("request_id"), **given.fields)
    output.json(task) if output.as_json else output.line(f"{_said(seen, given)} Task {task_id} goes on.")
    return 0


def _said(request: JsonObject, given: GivenAnswer) -> str:
    if given.verb == "respond":
        return "Answered."
    return f"{_word(given)} {call_line(request, given.fields.get('args', request.get('tool_args')))}."


def _word(given: GivenAnswer) -> str:
    if given.verb == "reject":
        return "Rejected"
    if "result" in given.fields:
        return "Took your result for"
    return "Left out" if "skip" in given.fields else "Approved"
