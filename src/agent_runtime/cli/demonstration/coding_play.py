"""The scripted coding run: a small repository with a bug comes as a file, a patch goes back as one."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

AGENT_ID = "par-demo-coding"
ARCHIVE = "repository.tar.gz"
PATCH = "fix.patch"
# After so many results of tools the worker is killed: when the test has failed, and when the edit is made.
KILLS = (2, 4)
COMMANDS = ("unpack", "test", "test again", "diff")
_LATENCY_SECONDS = 0.8
_BUG = "return sum(panel.watts for panel in panels) / hours"
_FIX = "return sum(panel.watts for panel in panels) * hours"
_FILES = {
    "repository/solar.py": f'''"""What the panels of a roof yield."""

from dataclasses import dataclass


@dataclass
class Panel:
    """One panel."""

    watts: int


def watt_hours(panels, hours):
    """Energy that the panels yield in some hours of full sun."""
    {_BUG}
''',
    "repository/test_solar.py": """import unittest

from solar import Panel, watt_hours


class WattHours(unittest.TestCase):
    def test_two_panels_in_three_hours(self):
        self.assertEqual(watt_hours([Panel(400), Panel(350)], 3), 2250)


if __name__ == "__main__":
    unittest.main()
""",
}


def agent() -> dict[str, Any]:
    """The agent that the run needs: a local sandbox, whatever the server's default is."""
    tools = ["sandbox_exec", "sandbox_read_file", "sandbox_edit", "export_sandbox_file"]
    return {
        "agent_id": AGENT_ID,
        "display_name": "Demo: a bug mended in a sandbox",
        "agent_config": {
            "system_prompt": "You mend programs and show that they work.",
            "provider": "scripted",
            "model": "default",
            "allowed_tools": tools,
            "sandbox": {"enabled": True, "provider": "local", "memory_mb": 512},
        },
    }


def write_archive(folder: Path) -> Path:
    """The repository as the file that is given with the task."""
    path = folder / ARCHIVE
    with tarfile.open(path, "w:gz") as archive:
        for name, content in _FILES.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content.encode())
            archive.addfile(entry, io.BytesIO(content.encode()))
    return path


def task_input() -> str:
    """The script. Every command leaves a line in a file, so that one that ran twice is seen."""
    test = "cd repository && python3 -B -m unittest -q 2>&1"
    turns: list[dict[str, Any]] = [
        _command(
            "Unpack the repository", "unpack", f"tar xzf input/{ARCHIVE} && cp -r repository original && ls repository"
        ),
        _command("Run its test", "test", test),
        {"text": "Look at the code", "tool": "sandbox_read_file", "args": {"path": "repository/solar.py"}},
        {
            "text": "Energy is power times time",
            "tool": "sandbox_edit",
            "args": {"path": "repository/solar.py", "old_string": _BUG, "new_string": _FIX},
        },
        _command("Run the test again", "test again", test),
        _command(
            "Write the patch", "diff", f"diff -ru original repository > {PATCH}; cat {PATCH}; echo ran:; cat .ran"
        ),
        {"text": "Hand it over", "tool": "export_sandbox_file", "args": {"path": PATCH}},
        {"text": f"watt_hours divided where it has to multiply. The test passes now; the change is in {PATCH}."},
    ]
    return json.dumps({"task": "Mend the failing test", "script": turns, "latency_seconds": _LATENCY_SECONDS})


def _command(text: str, name: str, command: str) -> dict[str, Any]:
    return {"text": text, "tool": "sandbox_exec", "args": {"command": f"echo '{name}' >> .ran; {command}"}}


def commands_run(result: str) -> list[str]:
    """From the result of the last command: the commands that ran, in their order, each as often as it ran."""
    return result.partition("ran:\n")[2].split("\n") if "ran:\n" in result else []
