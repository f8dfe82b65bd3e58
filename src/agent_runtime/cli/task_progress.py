"""What has become of a task so far, added up from its stream: pure, so that every display shows the same figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent_runtime.cli.wording import count, duration, money, safe_line
from agent_runtime.client.waiting import status_after

_TEXT_WIDTH = 100


@dataclass
class TaskProgress:
    """Running totals of the events seen; costs in microdollars."""

    turns: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    unpriced: bool = False
    status: str = ""
    typing: str = ""

    def take(self, kind: str, data: dict[str, Any]) -> None:
        """Add one event of the stream."""
        if kind == "token":
            self.typing = (self.typing + _token_text(data))[-400:]
            return
        if kind == "lifecycle":
            self.status = status_after(data) or self.status
        elif kind == "turn" and data.get("kind") != "user_turn":
            self.turns += 1
            self.typing = ""
        elif kind == "tool_call":
            self.tool_calls += 1
        self._add_spend(data)

    @property
    def unpriced_note(self) -> str:
        """What to add to a sum that leaves out calls whose price nobody knows."""
        return " and calls of unknown price" if self.unpriced else ""

    def _add_spend(self, data: dict[str, Any]) -> None:
        self.input_tokens += data.get("input_tokens") or 0
        self.output_tokens += data.get("output_tokens") or 0
        self.cost += data.get("cost_microdollars") or 0
        self.unpriced = self.unpriced or (bool(data.get("output_tokens")) and data.get("cost_microdollars") is None)

    def line(self, elapsed_seconds: float) -> str:
        """The progress line."""
        parts = [
            self.status or "waiting",
            f"turn {self.turns}",
            f"{self.tool_calls} tool {'call' if self.tool_calls == 1 else 'calls'}",
            f"{count(self.input_tokens)} in / {count(self.output_tokens)} out",
            money(self.cost) + self.unpriced_note,
            duration(elapsed_seconds),
        ]
        return " · ".join(parts)


def _token_text(data: dict[str, Any]) -> str:
    return str(data.get("text") or data.get("token") or data.get("value") or "")


def describe(kind: str, data: dict[str, Any]) -> str | None:
    """One line for a durable event, or None for one that says nothing to a person."""
    if kind == "lifecycle":
        return _lifecycle_line(data)
    if kind == "turn":
        who = "user " if data.get("kind") == "user_turn" else "agent"
        text = safe_line(data.get("text") or "", _TEXT_WIDTH)
        return f"{who}   {text}{_spend(data)}" if text or _spend(data) else None
    if kind == "tool_call":
        return f"call    {safe_line(data.get('tool_name'))}({_arguments(data.get('tool_args'))})"
    if kind == "tool_result":
        word = "error " if data.get("is_error") else "result"
        outcome = data.get("result") if data.get("result") is not None else data.get("text")
        return f"{word}  {safe_line(data.get('tool_name') or '')}: {safe_line(outcome, _TEXT_WIDTH)}{_took(data)}"
    if kind == "compaction":
        return f"compact {safe_line(data.get('text') or 'older messages were summarized', _TEXT_WIDTH)}{_spend(data)}"
    return None


def _lifecycle_line(data: dict[str, Any]) -> str:
    name, details = str(data.get("event_type") or "event"), data.get("details")
    facts = details if isinstance(details, dict) else {}
    if name in ("task_approval_requested", "task_input_requested"):
        return (
            f"task    {_asked(name, facts)}: `par approvals get {data.get('task_id') or 'TASK_ID'}` shows how to answer"
        )
    event = name.removeprefix("task_").replace("_", " ")
    by = data.get("worker_id") or facts.get("by")
    who = f" by {by}" if by else ""
    edited = ", with other arguments" if facts.get("edited") else ""
    message = f": {data['error_message']}" if data.get("error_message") else ""
    return f"task    {safe_line(f'{event}{who}{edited}{message}', 160)}"


def _asked(name: str, facts: dict[str, Any]) -> str:
    if name == "task_input_requested":
        return "asks a question"
    return f"asks for approval of {safe_line(facts.get('tool_name') or 'a call')}"


def _arguments(arguments: Any) -> str:
    if not isinstance(arguments, dict):
        return safe_line(arguments or "", _TEXT_WIDTH)
    return safe_line(", ".join(f"{name}={value!r}" for name, value in arguments.items()), _TEXT_WIDTH)


def _spend(data: dict[str, Any]) -> str:
    tokens = [data.get("input_tokens"), data.get("output_tokens")]
    if tokens == [None, None]:
        return ""
    cost = data.get("cost_microdollars")
    return f"  [{count(tokens[0])} in, {count(tokens[1])} out, {money(cost) if cost is not None else 'price unknown'}]"


def _took(data: dict[str, Any]) -> str:
    milliseconds = data.get("duration_ms")
    return "" if milliseconds is None else f"  [{duration(milliseconds / 1000)}]"
