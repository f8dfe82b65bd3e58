"""The model server as a process of its own, for tests that kill workers, and a small client for its books."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class ModelServerProcess:
    """Where the server listens, its log file, and what it has seen."""

    url: str
    log_file: Path
    pid: int

    @property
    def openai_environment(self) -> dict[str, str]:
        """What to set so that the provider `openai` is this server."""
        return {"OPENAI_API_KEY": "test-key", "OPENAI_BASE_URL": f"{self.url}/v1"}

    def log(self) -> list[dict[str, Any]]:
        """Every request, in the order in which they came."""
        entries: list[dict[str, Any]] = self._call("/__log")
        return entries

    def violations(self) -> list[dict[str, Any]]:
        """Every history that broke the rule of one result per tool call."""
        found: list[dict[str, Any]] = self._call("/__violations")
        return found

    def set_mode(self, fault: str | None, **options: Any) -> None:
        """Strike the next requests with a fault (`count`, `task`, `retry_after`); None clears."""
        self._call("/__mode", {"fault": fault, **options})

    def reset(self) -> None:
        """Empty the books."""
        self._call("/__reset", {})

    def _call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data), timeout=10) as answer:
            return json.load(answer)


@contextmanager
def model_server_process(log_file: Path, port: int = 0) -> Iterator[ModelServerProcess]:
    """Start the server, wait until it listens, stop it at the end."""
    command = [sys.executable, "-m", "tests.support.model_server", "--port", str(port), "--log", str(log_file)]
    with subprocess.Popen(command, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            listening = int(process.stdout.readline())
            yield ModelServerProcess(f"http://127.0.0.1:{listening}", log_file, process.pid)
        finally:
            process.kill()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
