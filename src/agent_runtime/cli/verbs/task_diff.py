"""`par task diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson, TaskId

if TYPE_CHECKING:
    from agent_runtime.client import JsonObject, RuntimeClient

EXAMPLES = ("par task diff 0190a7c2-…", "par task diff 0190a7c2-… 01f0a7c2-…", "par task diff 0190a7c2-… --json")
_MARKS = {"user": "user", "assistant": "model", "tool": "tool", "system": "system"}


def run(
    task_id: TaskId,
    checkpoint_id: Annotated[
        str | None,
        typer.Argument(metavar="[CHECKPOINT_ID]", help="Which step; without it the last.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Show what one step changed: the messages it added, and other values before and after."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    async def read(client: RuntimeClient) -> JsonObject:
        chosen = checkpoint_id or await _last(client, task_id)
        return await client.tasks.checkpoint(task_id, chosen)

    detail = ask(read)
    output = Output(as_json)
    if as_json:
        output.json(detail)
        return 0
    output.pairs(_pairs(detail), detail)
    for line in _lines(detail.get("difference") or {}):
        output.line(line)
    return 0


async def _last(client: RuntimeClient, task_id: str) -> str:
    last = None
    async for step in client.tasks.checkpoints(task_id):
        last = step["checkpoint_id"]
    if last is None:
        raise typer.BadParameter("the task has no checkpoint yet")
    return str(last)


def _pairs(detail: dict[str, Any]) -> list[tuple[str, str]]:
    from agent_runtime.cli.wording import age, money

    state = detail.get("state") or {}
    return [
        ("checkpoint", detail["checkpoint_id"]),
        ("parent", detail.get("parent_checkpoint_id") or "none"),
        ("step", f"{detail.get('step_number')} {detail.get('node_name') or ''}".strip()),
        ("worker", detail.get("worker_id") or ""),
        ("cost", money(detail.get("cost_microdollars"))),
        ("when", age(detail.get("created_at"))),
        ("messages", str(state.get("message_count", ""))),
        ("problem", detail.get("problem") or ""),
    ]


def _lines(difference: dict[str, Any]) -> list[str]:
    import json

    from agent_runtime.cli.wording import safe_line

    lines = []
    for message in difference.get("messages_added", ()):
        name = f" {message['tool_name']}" if message.get("tool_name") else ""
        text = safe_line(message["text"], 400)
        lines.append(f"+ {_MARKS.get(message['role'], message['role'])}{name}{': ' if text else ''}{text}")
        lines += [_call(call) for call in message.get("tool_calls", ())]
    left_out = difference.get("messages_added_count", 0) - len(difference.get("messages_added", ()))
    if left_out > 0:
        lines.append(f"+ … and {left_out} more messages")
    if difference.get("messages_removed_count"):
        lines.append(f"- {difference['messages_removed_count']} messages")
    for change in difference.get("channels_changed", ()):
        lines.append(safe_line(f"- {change['channel']}: {json.dumps(change['before'])}", 400))
        lines.append(safe_line(f"+ {change['channel']}: {json.dumps(change['after'])}", 400))
    return lines


def _call(call: dict[str, Any]) -> str:
    import json

    from agent_runtime.cli.wording import safe_line

    return safe_line(f"+   calls {call.get('name')} {json.dumps(call.get('args'))}", 400)
