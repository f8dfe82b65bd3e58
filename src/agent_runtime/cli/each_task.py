"""One action on several tasks: each is tried, each failure is told, the first decides the exit status."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from agent_runtime.cli.failure import Failure, explain
from agent_runtime.cli.output import Output
from agent_runtime.cli.wording import safe_line

if TYPE_CHECKING:
    from agent_runtime.client import RuntimeClient

TaskAction = Callable[["RuntimeClient", str], Awaitable[dict[str, Any]]]


async def act_on_each(client: RuntimeClient, task_ids: list[str], action: TaskAction, output: Output) -> int:
    """Act on the tasks one after the other; with JSON the answer is the task, or an array for several."""
    from agent_runtime.client.errors import RequestFailed

    if len(task_ids) == 1:
        _print_one(output, await action(client, task_ids[0]))
        return 0
    answers: list[dict[str, Any]] = []
    failures: list[Failure] = []
    for task_id in task_ids:
        try:
            answers.append(await action(client, task_id))
        except RequestFailed as error:
            failures.append(explain(error))
            answers.append({"task_id": task_id, "error": failures[-1].message})
            output.note(f"Error: {task_id}: {failures[-1].message}")
    _print_all(output, answers)
    return failures[0].exit_code if failures else 0


def _print_one(output: Output, task: dict[str, Any]) -> None:
    if output.as_json:
        output.json(task)
    else:
        output.line(_line(task))


def _print_all(output: Output, answers: list[dict[str, Any]]) -> None:
    if output.as_json:
        output.json(answers)
        return
    for task in answers:
        if "error" not in task:
            output.line(_line(task))


def _line(task: dict[str, Any]) -> str:
    reason = f" ({task['dead_letter_reason']})" if task.get("dead_letter_reason") else ""
    return safe_line(f"{task['task_id']}  {task['status']}{reason}")
