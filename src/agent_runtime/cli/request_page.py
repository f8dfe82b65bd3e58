"""How what waits for a person is shown: who asks what and why, what it cost so far, until when, and how to answer.

Pure: takes a row of `GET /v1/human-requests`, or the same facts out of a task that waits.
"""

from __future__ import annotations

import json
from typing import Any

from agent_runtime.cli.wording import age, due, money, safe, safe_line

_WHY = {
    "policy_ask": "The agent's policy for this tool is to ask first.",
    "outcome_unknown": "This call was interrupted and nobody knows whether it took effect. It is not safe to repeat.",
    "tool_changed": "The tool's description or arguments differ from what was approved.",
    "forked": "The task was forked and the tool is not safe to repeat: the original may have made this call already.",
}
OUTCOME_UNKNOWN = "outcome_unknown"


def request_of(task: dict[str, Any]) -> dict[str, Any]:
    """The request that a waiting task has open, as far as the task itself tells it."""
    action = task.get("pending_approval_action") or {}
    return {
        "kind": "approval" if task["status"] == "waiting_for_approval" else "input",
        "task_id": task["task_id"],
        "agent_id": task["agent_id"],
        "prompt": task.get("pending_input_prompt") or action.get("prompt"),
        "tool_name": action.get("tool_name"),
        "tool_args": action.get("tool_args"),
        "reason": action.get("reason"),
        "details": action.get("details"),
        "cost_so_far_microdollars": task.get("total_cost_microdollars"),
        "expires_at": task.get("human_input_timeout_at"),
    }


def request_page(request: dict[str, Any]) -> str:
    """The whole page."""
    word = "asks for approval" if request["kind"] == "approval" else "asks"
    title = f"Agent {safe_line(request['agent_id'])} {word} in task {request['task_id']}."
    return "\n\n".join([title, question(request), circumstances(request), ways_to_answer(request)])


def question(request: dict[str, Any]) -> str:
    """What is asked: the question itself, or the call with its arguments and why a person has to look at it."""
    if request["kind"] == "input":
        return _shifted(safe(request.get("prompt") or "(no text)"))
    lines = [safe_line(request.get("tool_name") or "a tool call"), _shifted(arguments_text(request.get("tool_args")))]
    why = why_asked(request)
    details = request.get("details")
    about = [f"Details: {safe(json.dumps(details, indent=2, ensure_ascii=False))}"] if details else []
    return "\n".join([_shifted("\n".join(lines)), "", *([why] if why else []), *about]).rstrip()


def why_asked(request: dict[str, Any]) -> str:
    """Why the call waits, in a sentence."""
    return _WHY.get(str(request.get("reason")), safe(request.get("prompt") or ""))


def circumstances(request: dict[str, Any]) -> str:
    """One line: cost so far, since when it waits, until when an answer counts."""
    parts = [f"cost so far {money(request.get('cost_so_far_microdollars'))}"]
    if request.get("created_at"):
        parts.append(f"asked {age(request['created_at'])}")
    if request.get("expires_at"):
        parts.append(f"expires {due(request['expires_at'])}")
    return " · ".join(parts)


def ways_to_answer(request: dict[str, Any]) -> str:
    """The commands that answer it."""
    task_id = request["task_id"]
    if request["kind"] == "input":
        return f'Answer with  par approvals respond {task_id} "…"'
    ways = [
        (f"par approvals approve {task_id}", "run the call"),
        (f"par approvals approve {task_id} --edit", "run it with other arguments"),
        (f'par approvals reject {task_id} "why"', "do not run it; the agent reads why"),
    ]
    if request.get("reason") == OUTCOME_UNKNOWN:
        ways[1:1] = [
            (f'par approvals approve {task_id} --result "…"', "do not run it: this is what it gave"),
            (f"par approvals approve {task_id} --skip", "do not run it, and go on without a result"),
        ]
    width = max(len(command) for command, _ in ways)
    return "\n".join(["Answer with", *(f"  {command.ljust(width)}  {text}" for command, text in ways)])


def arguments_text(arguments: Any) -> str:
    """Arguments one by one; texts as they are, long ones on lines of their own, the rest as JSON."""
    if not isinstance(arguments, dict):
        return safe(json.dumps(arguments, indent=2, ensure_ascii=False))
    return "\n".join(_argument(name, value) for name, value in arguments.items()) or "(no arguments)"


def call_line(request: dict[str, Any], arguments: Any) -> str:
    """`calculator(expression='6 * 7')`, cut to one line."""
    given = arguments if isinstance(arguments, dict) else {}
    inside = ", ".join(f"{name}={value!r}" for name, value in given.items())
    return safe_line(f"{request.get('tool_name') or 'the call'}({inside})", 160)


def _argument(name: str, value: Any) -> str:
    text = safe(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False))
    return f"{safe_line(name)}:\n{_shifted(text)}" if "\n" in text else f"{safe_line(name)}: {text}"


def _shifted(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.split("\n"))
