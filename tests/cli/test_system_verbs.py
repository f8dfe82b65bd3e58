"""`par start`, `status`, `logs` and their kin, with the embedded system played by stand-ins."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.config import Settings
from agent_runtime.domain.errors import StartFailed
from agent_runtime.embedded import Endpoint, SystemStatus, WorkerStatus
from tests.cli.conftest import Par

RUNNING = SystemStatus(
    data_dir=Path("/srv/par"),
    database=Endpoint("postgresql://owner:secret@127.0.0.1:5433/par", 10),
    api=Endpoint("http://127.0.0.1:8080", 11),
    workers=(WorkerStatus("w-1", 12, "online"), WorkerStatus("w-2", 13, "starting")),
    supervisor_pid=9,
)


def _stand_in(monkeypatch: pytest.MonkeyPatch, name: str, answer: Any) -> list[tuple[Any, ...]]:
    calls: list[tuple[Any, ...]] = []
    home = "system_status" if name == "status" else "prerequisites" if name == "check" else "commands"

    def stand_in(*arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(f"agent_runtime.embedded.{home}.{name}", stand_in)
    return calls


def test_status_as_json_is_what_scripts_rely_on(par: Par, monkeypatch: pytest.MonkeyPatch) -> None:
    _stand_in(monkeypatch, "status", RUNNING)

    assert par("status", "--json").json == {
        "database": {"url": "postgresql://owner:secret@127.0.0.1:5433/par", "pid": 10},
        "api": {"url": "http://127.0.0.1:8080", "pid": 11},
        "workers": [
            {"worker_id": "w-1", "pid": 12, "status": "online"},
            {"worker_id": "w-2", "pid": 13, "status": "starting"},
        ],
    }


def test_status_for_people_hides_the_password(par: Par, monkeypatch: pytest.MonkeyPatch) -> None:
    _stand_in(monkeypatch, "status", RUNNING)

    outcome = par("status")

    assert "secret" not in outcome.out
    assert "postgresql://owner@127.0.0.1:5433/par" in outcome.out


def test_status_of_nothing_is_valid_json_and_says_how_to_start(par: Par) -> None:
    assert par("status", "--json").json == {"database": None, "api": None, "workers": []}
    assert "par start" in par("status").out


def test_start_passes_its_options_on_and_names_the_next_command(par: Par, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _stand_in(monkeypatch, "start", RUNNING)
    monkeypatch.setattr(sys, "argv", ["par", "start"])

    outcome = par("start", "--workers", "3", "--port", "9001")

    settings, workers = calls[0]
    assert isinstance(settings, Settings)
    assert (settings.port, workers) == (9001, 3)
    assert settings.child_environment()["PAR_PORT"] == "9001"
    assert "http://127.0.0.1:8080" in outcome.out
    assert "par demo" in outcome.out


def test_a_start_that_fails_is_one_line(par: Par, monkeypatch: pytest.MonkeyPatch) -> None:
    _stand_in(monkeypatch, "start", StartFailed("port 8080 is taken"))

    outcome = par("start", "--json")

    assert outcome.status == 1
    assert outcome.err == "Error: port 8080 is taken\n"
    assert outcome.json["error"]["message"] == "port 8080 is taken"


@pytest.mark.parametrize(("stopped", "word"), [(True, "Stopped"), (False, "Nothing ran")])
def test_stop_says_whether_something_ran(stopped: bool, word: str, par: Par, monkeypatch: pytest.MonkeyPatch) -> None:
    _stand_in(monkeypatch, "stop", stopped)

    assert word in par("stop").out
    assert par("stop", "--json").json == {"stopped": stopped}


def test_scaling_passes_the_number_on(par: Par, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _stand_in(monkeypatch, "scale", RUNNING)

    assert par("scale-worker", "5").status == 0
    assert calls[0][1] == 5
    assert par("scale-worker", "many").status == 1


def test_a_reset_needs_a_yes(par: Par, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _stand_in(monkeypatch, "reset", ["0001"])
    monkeypatch.setattr("sys.stdin", io.StringIO())

    assert par("db", "reset").status == 1
    assert calls == []
    assert par("db", "reset", "--yes", "--json").json == {"reset": True, "applied": ["0001"]}


def test_migrate_says_what_was_applied(par: Par, monkeypatch: pytest.MonkeyPatch) -> None:
    _stand_in(monkeypatch, "migrate", [])

    assert "up to date" in par("db", "migrate").out
    assert par("db", "migrate", "--json").json == {"applied": []}


def test_logs_show_the_last_lines_of_each_part(par: Par, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "logs"
    folder.mkdir(parents=True)
    (folder / "api.log").write_text("".join(f"line {number}\n" for number in range(100)))
    (folder / "worker-1.log").write_text("working\x1b[31m\n")

    both = par("logs", "--lines", "2")
    one = par("logs", "api", "--lines", "1", "--json")

    assert both.out.splitlines() == ["api      | line 98", "api      | line 99", "worker-1 | working\ufffd[31m"]
    assert one.json_lines == [{"part": "api", "line": "line 99"}]


def test_logs_of_an_unknown_part_name_the_known_ones(par: Par, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "logs"
    folder.mkdir(parents=True)
    (folder / "api.log").write_text("")

    outcome = par("logs", "apu")

    assert outcome.status == 1
    assert "api" in outcome.err
