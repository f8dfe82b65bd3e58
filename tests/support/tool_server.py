"""A tool server that a test starts, changes, kills and starts again, with the record that it keeps itself."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_runtime.embedded.identity import tied_to_parent
from agent_runtime.embedded.ports import free_port
from tests.support.waiting import eventually_sync

_PROGRAM = Path(__file__).with_name("tool_server_process.py")


@dataclass
class ToolServer:
    """One server at one port."""

    folder: Path
    port: int
    plan: dict[str, Any] = field(default_factory=lambda: {"tools": [{"name": "echo", "description": "Say it."}]})
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def tools(self, *names: str, **described: str) -> None:
        """What the server lists from now on: names with a description of their own, or with any."""
        tools = {**{name: f"Does {name}." for name in names}, **described}
        self.change(tools=[{"name": name, "description": text} for name, text in tools.items()])

    def change(self, **plan: Any) -> None:
        self.plan |= plan
        self._plan_file.write_text(json.dumps(self.plan))

    def start(self) -> None:
        self.change()
        with (self.folder / "server.log").open("ab") as log:
            program = [sys.executable, str(_PROGRAM), str(self.port), str(self._plan_file), str(self._ledger_file)]
            self.process = subprocess.Popen([*tied_to_parent("KILL"), *program], stderr=log, start_new_session=True)
        eventually_sync(self._answers, "the tool server listens", seconds=30)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def ledger(self, step: str | None = None) -> list[dict[str, Any]]:
        """What the server itself wrote about its calls."""
        if not self._ledger_file.exists():
            return []
        lines = [json.loads(line) for line in self._ledger_file.read_text().splitlines()]
        return [line for line in lines if step in (None, line["step"])]

    def _answers(self) -> bool:
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def _plan_file(self) -> Path:
        return self.folder / "plan.json"

    @property
    def _ledger_file(self) -> Path:
        return self.folder / "ledger.jsonl"


@contextmanager
def running_tool_server(folder: Path) -> Iterator[ToolServer]:
    """A started server, killed at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    server = ToolServer(folder, free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()
