"""Agents as files say they should be, compared with what the server has.

A file names what it wants to decide: a field that it leaves out keeps its value on the server (its default, for a new
agent); `null` is a value. Inside `agent_config` the same holds for each of its fields.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent_runtime.cli.failure import CommandFailed
from agent_runtime.cli.wording import safe_line

WRITABLE = (
    "display_name",
    "agent_config",
    "status",
    "max_concurrent_tasks",
    "budget_max_per_task",
    "budget_max_per_hour",
)


@dataclass(frozen=True)
class Change:
    """One field that differs; `before` is `ABSENT` for one that the server does not have."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class AgentPlan:
    """What applying one document would do: `action` is `create`, `update` or `unchanged`."""

    agent_id: str
    action: str
    changes: tuple[Change, ...]
    body: dict[str, Any]


class _Absent:
    def __repr__(self) -> str:
        return "(not set)"


ABSENT = _Absent()


def read_documents(source: str) -> list[dict[str, Any]]:
    """The agents in a file (`-` for stdin): YAML with one or several documents, a JSON object, or lists of them."""
    text = _read(source)
    parsed = _parse_json(text, source) if Path(source).suffix == ".json" else _parse_yaml(text, source)
    documents = [entry for part in parsed if part is not None for entry in (part if isinstance(part, list) else [part])]
    if not documents:
        raise CommandFailed(f"{source} holds no agent.")
    return [_checked(document, source, position) for position, document in enumerate(documents, start=1)]


def plan(document: dict[str, Any], current: dict[str, Any] | None) -> AgentPlan:
    """Compare a document with the agent of the same id on the server."""
    agent_id = document["agent_id"]
    if current is None:
        return AgentPlan(agent_id, "create", tuple(_differences("", {}, _without_id(document))), document)
    wanted = _without_id(document)
    changes = tuple(_differences("", current, wanted))
    return AgentPlan(agent_id, "update" if changes else "unchanged", changes, _merged(current, wanted))


def change_lines(agent_plan: AgentPlan) -> list[str]:
    """The plan as a person reads it: a headline and a line for each field."""
    headline = {"create": "create", "update": "update", "unchanged": "no change"}[agent_plan.action]
    lines = [f"{agent_plan.agent_id}: {headline}"]
    for change in agent_plan.changes:
        if isinstance(change.before, _Absent):
            lines.append(f"  + {change.path}: {_shown(change.after)}")
        else:
            lines.append(f"  ~ {change.path}: {_shown(change.before)} -> {_shown(change.after)}")
    return lines


def change_values(agent_plan: AgentPlan) -> list[dict[str, Any]]:
    """The plan's changes for JSON."""
    return [
        {"path": item.path, "before": None if isinstance(item.before, _Absent) else item.before, "after": item.after}
        for item in agent_plan.changes
    ]


def _differences(path: str, current: dict[str, Any], wanted: dict[str, Any]) -> list[Change]:
    found: list[Change] = []
    for name, value in wanted.items():
        here = f"{path}.{name}" if path else name
        before = current.get(name, ABSENT)
        # Only agent_config is merged field by field; any deeper map is one value, replaced as a whole.
        if isinstance(value, dict) and not path and name == "agent_config":
            found += _differences(here, before if isinstance(before, dict) else {}, value)
        elif isinstance(before, _Absent) or not same_value(before, value):
            found.append(Change(here, before, value))
    return found


def same_value(left: Any, right: Any) -> bool:
    """Equal as JSON: `true` is not 1, but 1 is 1.0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_value(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_value, left, right))
    return bool(left == right)


def _merged(current: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    # With the version that was compared, so that a change by somebody else in between is a conflict, not lost.
    kept = {name: current[name] for name in (*WRITABLE, "version") if name in current}
    config = {**(kept.get("agent_config") or {}), **(wanted.get("agent_config") or {})}
    return {**kept, **wanted, "agent_config": config}


def _without_id(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "agent_id"}


def _checked(document: Any, source: str, position: int) -> dict[str, Any]:
    where = f"{source}, document {position}"
    if not isinstance(document, dict):
        raise CommandFailed(f"{where}: an agent is a map of fields, not {type(document).__name__}.")
    if not isinstance(document.get("agent_id"), str):
        raise CommandFailed(f"{where}: agent_id is missing; without it there is nothing to compare with.")
    unknown = sorted(set(document) - {*WRITABLE, "agent_id"})
    if unknown:
        raise CommandFailed(f"{where}: unknown field {unknown[0]!r}; an agent has agent_id, {', '.join(WRITABLE)}.")
    if not isinstance(document.get("agent_config", {}), dict):
        raise CommandFailed(f"{where}: agent_config is a map of fields.")
    return document


def _read(source: str) -> str:
    try:
        return sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CommandFailed(f"Cannot read {source}: {reason}.") from error


def _parse_json(text: str, source: str) -> list[Any]:
    try:
        return [json.loads(text)]
    except ValueError as error:
        raise CommandFailed(f"{source} is not JSON: {error}.") from error


def _parse_yaml(text: str, source: str) -> list[Any]:
    import yaml

    try:
        return list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        raise CommandFailed(f"{source} is not YAML: {safe_line(error)}.") from error


def _shown(value: Any) -> str:
    return safe_line(value if isinstance(value, _Absent) else json.dumps(value, ensure_ascii=False), 120)
