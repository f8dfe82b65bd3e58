"""Tasks in a file: one JSON value a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from agent_runtime.cli.failure import CommandFailed
from agent_runtime.cli.input_text import read_input


@dataclass(frozen=True)
class BatchFile:
    """Bodies to submit, and on which line of the file each stands."""

    tasks: list[dict[str, Any]]
    lines: list[int]


def read_batch_file(path: str, agent_id: str | None, labels: dict[str, str]) -> BatchFile:
    """The tasks of a file; `-` is stdin. A line is a submit body, or just the input as a JSON text.

    `agent_id` is for lines that name none, `labels` are added to all. Raises CommandFailed naming the first bad line.
    """
    found = BatchFile([], [])
    for number, line in enumerate(read_input("-" if path == "-" else f"@{path}").split("\n"), 1):
        if line.strip():
            found.tasks.append(_task(line, number, agent_id, labels))
            found.lines.append(number)
    if not found.tasks:
        raise CommandFailed(f'{path} holds no task: each line is one, such as {{"input": "Why is the sky blue?"}}.')
    return found


def _task(line: str, number: int, agent_id: str | None, labels: dict[str, str]) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        why = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise CommandFailed(f"Line {number} is not JSON: {why}. Nothing was submitted.") from None
    body = {"input": value} if isinstance(value, str) else value
    if not isinstance(body, dict) or not isinstance(body.get("input"), str):
        raise CommandFailed(f'Line {number} has no "input" text. Nothing was submitted.')
    if not body.get("agent_id") and agent_id is None:
        raise CommandFailed(f'Line {number} has no "agent_id": add it, or give --agent. Nothing was submitted.')
    own = body.get("labels") or {}
    return {"agent_id": agent_id, **body, **({"labels": {**labels, **own}} if labels else {})}
