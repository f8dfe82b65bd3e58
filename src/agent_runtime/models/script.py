"""The script of the `scripted` provider: what a task's input asks the deterministic model to do, turn by turn.

Form and examples are in `docs/scripted-model.md`. Parsing is pure and free of langchain, so that test servers share it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

DEFAULT_INPUT_TOKENS = 100
DEFAULT_OUTPUT_TOKENS = 20

_PACE_KEYS = {
    "latency_seconds",
    "tokens_per_second",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
}
_SCRIPT_KEYS = {"script", "task", *_PACE_KEYS}
_ENTRY_KEYS = {"text", "tool", "tools", "args", "id", "error", "fault", "times", "finish_reason", *_PACE_KEYS}


class ScriptInvalid(ValueError):
    """A script does not have the documented form; the message names the entry and the key."""


@dataclass(frozen=True)
class ScriptedCall:
    """One tool call of a turn. `arguments` is the JSON text that the model sends, valid or not."""

    name: str
    arguments: str
    call_id: str | None = None


@dataclass(frozen=True)
class ScriptedError:
    """A failed turn: an HTTP status and, if given, how long the provider asks to wait and which model alone fails."""

    status: int
    retry_after_seconds: float | None = None
    message: str = "scripted failure"
    model: str | None = None


@dataclass(frozen=True)
class Turn:
    """One reply. `fault` and `times` (how often the fault or error strikes, None = always) are for the test server."""

    text: str = ""
    calls: tuple[ScriptedCall, ...] = ()
    error: ScriptedError | None = None
    fault: str | None = None
    times: int | None = None
    finish_reason: str | None = None
    latency_seconds: float = 0.0
    tokens_per_second: float | None = None
    input_tokens: int = DEFAULT_INPUT_TOKENS
    output_tokens: int = DEFAULT_OUTPUT_TOKENS
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True)
class Script:
    """All turns, and the marker `task` by which a test recognises its requests in a server's log."""

    turns: tuple[Turn, ...]
    task: str = ""
    after: Turn = field(default_factory=lambda: Turn(text="Script finished."))

    def turn(self, position: int) -> Turn:
        """The turn at `position`, counted from 0; past the end the script says that it is finished."""
        return self.turns[position] if position < len(self.turns) else self.after


def echo(text: str) -> Turn:
    """The answer to input without a script: a short copy of it, with token counts from its length."""
    shortened = text if len(text) <= 200 else f"{text[:200]}…"
    answer = f"You said: {shortened}"
    return Turn(text=answer, input_tokens=len(text) // 4 + 1, output_tokens=len(answer) // 4 + 1)


@lru_cache(maxsize=128)
def parse_script(text: str) -> Script | None:
    """The script that `text` holds, or None when it is ordinary text. Raises ScriptInvalid for a malformed script."""
    if '"script"' not in text or not text.lstrip().startswith("{"):
        return None
    try:
        document = json.loads(text)
    except ValueError:
        return None
    if not isinstance(document, dict) or "script" not in document:
        return None
    _refuse_unknown("the script", document, _SCRIPT_KEYS)
    entries = document["script"]
    if not isinstance(entries, list):
        raise ScriptInvalid("script must be a list of turns")
    pace = {key: document[key] for key in _PACE_KEYS if key in document}
    turns = tuple(_turn(f"script[{position}]", entry, pace) for position, entry in enumerate(entries))
    return Script(turns, str(document.get("task", "")), _turn("script", {"text": "Script finished."}, pace))


def _turn(where: str, entry: Any, pace: Mapping[str, Any]) -> Turn:
    if not isinstance(entry, dict):
        raise ScriptInvalid(f"{where} must be an object")
    _refuse_unknown(where, entry, _ENTRY_KEYS)
    text, fault, finish_reason = entry.get("text", ""), entry.get("fault"), entry.get("finish_reason")
    for key, value in (("text", text), ("fault", fault), ("finish_reason", finish_reason)):
        if value is not None and not isinstance(value, str):
            raise ScriptInvalid(f"{where}.{key} must be a string")
    return Turn(
        text=text or "",
        calls=_calls(where, entry),
        error=_error(where, entry.get("error")),
        fault=fault,
        times=_whole_number(where, "times", entry["times"]) if "times" in entry else None,
        finish_reason=finish_reason,
        **_pace(where, {**pace, **entry}),
    )


def _calls(where: str, entry: Mapping[str, Any]) -> tuple[ScriptedCall, ...]:
    described = entry.get("tools", [entry] if "tool" in entry else [])
    if not isinstance(described, list):
        raise ScriptInvalid(f"{where}.tools must be a list")
    calls = []
    for call in described:
        if not isinstance(call, dict) or not isinstance(call.get("tool"), str):
            raise ScriptInvalid(f"{where}: a tool call needs the tool's name as a string")
        arguments = call.get("args", {})
        as_text = arguments if isinstance(arguments, str) else json.dumps(arguments, separators=(",", ":"))
        call_id = call.get("id")
        calls.append(ScriptedCall(call["tool"], as_text, None if call_id is None else str(call_id)))
    return tuple(calls)


def _error(where: str, described: Any) -> ScriptedError | None:
    if described is None:
        return None
    if not isinstance(described, dict):
        raise ScriptInvalid(f"{where}.error must be an object with a status")
    status = _whole_number(where, "error.status", described.get("status"))
    retry_after = described.get("retry_after")
    wait = None if retry_after is None else _number(where, "error.retry_after", retry_after)
    model = described.get("model")
    message = str(described.get("message", "scripted failure"))
    return ScriptedError(status, wait, message, None if model is None else str(model))


def _pace(where: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key in _PACE_KEYS & entry.keys():
        if key.endswith("_tokens"):
            values[key] = _whole_number(where, key, entry[key])
        elif entry[key] is not None:
            values[key] = _number(where, key, entry[key])
    if values.get("tokens_per_second") == 0:
        raise ScriptInvalid(f"{where}.tokens_per_second must be over 0 or null")
    return values


def _number(where: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ScriptInvalid(f"{where}.{key} must be a number from 0 on")
    return float(value)


def _whole_number(where: str, key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**9:
        raise ScriptInvalid(f"{where}.{key} must be a whole number from 0 on")
    return value


def _refuse_unknown(where: str, entry: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(entry) - known):
        raise ScriptInvalid(f"{where} has an unknown key {unknown[0]!r}")
