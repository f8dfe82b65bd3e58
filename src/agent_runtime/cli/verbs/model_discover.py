"""`par model discover`."""

from __future__ import annotations

from typing import Any

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par model discover", "par model discover --json")


def run(as_json: AsJson = False) -> int:
    """Ask each configured provider again for its models."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    answer = ask(lambda client: client.models.discover())
    output = Output(as_json)
    if as_json:
        output.json(answer)
    else:
        for line in _lines(answer):
            output.line(line)
    return 0


def _lines(answer: Any) -> list[str]:
    """One line for each provider, whatever the server tells about it."""
    from agent_runtime.cli.wording import safe_line

    entries = answer.get("providers", answer.get("items", answer)) if isinstance(answer, dict) else answer
    if isinstance(entries, dict):
        entries = [{"provider": name, "outcome": outcome} for name, outcome in entries.items()]
    rows = [entry if isinstance(entry, dict) else {"provider": entry} for entry in entries or []]
    lines = [
        safe_line(
            f"{row.get('provider', '?')}: "
            + ", ".join(f"{name} {value}" for name, value in row.items() if name != "provider" and value is not None)
        )
        for row in rows
    ]
    return lines or ["No provider is configured; the environment of the server has no key."]
