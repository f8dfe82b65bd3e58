"""Edits the arguments of a call in the person's own editor."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from agent_runtime.cli.failure import CommandFailed

# The shell knows the person's editor, and takes one with arguments ("code --wait") apart.
_OPEN = '${VISUAL:-${EDITOR:-vi}} "$1"'


def edit_arguments(arguments: Any) -> dict[str, Any]:
    """The arguments as the person left them. Raises CommandFailed when the editor failed or left no JSON object."""
    with tempfile.TemporaryDirectory(prefix="par-") as folder:
        path = Path(folder) / "arguments.json"
        path.write_text(json.dumps(arguments, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        done = subprocess.run(["sh", "-c", _OPEN, "par", str(path)], check=False)
        if done.returncode != 0:
            raise CommandFailed(f"The editor ended with status {done.returncode}; nothing was answered.")
        return read_arguments(path.read_text(encoding="utf-8", errors="replace"))


def read_arguments(text: str) -> dict[str, Any]:
    """Arguments out of JSON text. Raises CommandFailed saying where it is wrong."""
    try:
        arguments = json.loads(text)
    except ValueError as error:
        raise CommandFailed(f"The arguments are not JSON: {error}.") from None
    if not isinstance(arguments, dict):
        raise CommandFailed('The arguments must be a JSON object, such as {"expression": "6 * 7"}.')
    return arguments
