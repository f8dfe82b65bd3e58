"""The CLI against a fake server: `par(...)` runs one command line in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.cli.main import run
from tests.cli.fake_server import FakeServer


@dataclass(frozen=True)
class Outcome:
    """What one command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def json_lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Par = Callable[..., Outcome]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        yield fake


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the settings nor the system of whoever runs the tests are seen."""
    monkeypatch.setenv("PAR_ENV_FILE", "")
    monkeypatch.setenv("PAR_DATA_DIR", str(tmp_path / "data"))
    for name in ("PAR_URL", "PAR_API_KEY", "PAR_PORT", "PAR_HOST", "PAR_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def par(server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Par:
    monkeypatch.setenv("PAR_URL", server.url)

    def call(*arguments: str) -> Outcome:
        capsys.readouterr()
        status = run(list(arguments))
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return call
