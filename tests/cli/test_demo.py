"""`par demo` on a fake system: whose worker is killed, and what is told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.cli.demonstration import coding, play
from agent_runtime.cli.demonstration.performance import KILL_AFTER_TOOL_RESULTS
from agent_runtime.cli.output import Output
from agent_runtime.embedded import Endpoint, SystemStatus, WorkerStatus
from agent_runtime.models.script import parse_script
from tests.cli.conftest import Par
from tests.cli.fake_server import FakeServer

VICTIM, OTHER = "w-1", "w-2"


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


@pytest.fixture
def stage(server: FakeServer, victim: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """A running system whose task goes over to the other worker once the victim is dead."""
    status = SystemStatus(
        data_dir=Path("/nowhere"),
        api=Endpoint(server.url, 1),
        workers=(WorkerStatus(VICTIM, victim.pid, "online"), WorkerStatus(OTHER, 1, "online")),
        supervisor_pid=1,
    )
    monkeypatch.setattr("agent_runtime.embedded.system_status.status", lambda settings: status)
    results = 0

    def hold_until_killed(kind: str, data: dict[str, Any]) -> None:
        nonlocal results
        results += kind == "tool_result"
        if kind == "tool_result" and results == KILL_AFTER_TOOL_RESULTS:
            victim.wait(timeout=10)

    server.on_stream_event = hold_until_killed
    server.streams.append(_stream())
    return server


def _stream() -> list[tuple[str, int | None, dict[str, Any]]]:
    def result(number: int) -> tuple[str, int | None, dict[str, Any]]:
        return ("tool_result", None, {"tool_call_id": f"c-{number}", "tool_name": "calculator", "result": "1"})

    unnumbered: list[tuple[str, int | None, dict[str, Any]]] = [
        ("lifecycle", None, {"event_type": "task_claimed", "worker_id": VICTIM}),
        *[result(number) for number in range(5)],
        ("lifecycle", None, {"event_type": "task_reclaimed_after_lease_expiry"}),
        ("lifecycle", None, {"event_type": "task_claimed", "worker_id": OTHER}),
        *[result(number) for number in range(5, 9)],
        ("lifecycle", None, {"event_type": "task_completed", "status_after": "completed"}),
    ]
    numbered = [(kind, position, data) for position, (kind, _, data) in enumerate(unnumbered, start=1)]
    return [*numbered, ("end", None, {})]


def _finish_at_submit(server: FakeServer, checkpoints: list[dict[str, Any]]) -> None:
    """The task that the demo will submit looks finished to every later reader, and leased to the victim."""
    original = server.add_task

    def add_task(**fields: Any) -> dict[str, Any]:
        return original(
            **{**fields, "status": "completed", "lease_owner": VICTIM, "saved_cost_microdollars": 9100},
            checkpoints=checkpoints,
        )

    server.add_task = add_task  # type: ignore[method-assign]


def test_the_worker_that_runs_the_task_is_killed_and_the_figures_are_told(
    par: Par, stage: FakeServer, victim: subprocess.Popen[bytes]
) -> None:
    _finish_at_submit(
        stage,
        [{"step_number": number, "worker_id": VICTIM if number < 12 else OTHER} for number in range(-1, 21)],
    )

    outcome = par("demo", "--json")

    assert outcome.status == 0
    assert victim.returncode == -9
    report = outcome.json
    assert (report["killed_worker_id"], report["finished_by"]) == (VICTIM, OTHER)
    assert (report["steps_kept"], report["steps_total"], report["steps_repeated"]) == (11, 20, 0)
    assert report["saved_cost_microdollars"] == 9100
    assert 0 <= report["takeover_seconds"] < 10
    assert stage.agents[play.AGENT_ID]["agent_config"]["provider"] == "scripted"


def test_a_repeated_step_is_told_and_fails_the_demo(par: Par, stage: FakeServer) -> None:
    _finish_at_submit(stage, [{"step_number": number, "worker_id": VICTIM} for number in (1, 2, 2)])

    outcome = par("demo")

    assert outcome.status == 1
    assert "repeated: 1" in outcome.out


def test_plain_output_tells_the_story_in_lines(par: Par, stage: FakeServer) -> None:
    _finish_at_submit(stage, [{"step_number": 1, "worker_id": VICTIM}])

    outcome = par("demo")

    assert "kill -9" in outcome.out
    assert f"worker {OTHER} took over after" in outcome.out
    for label in ("Takeover", "Steps not repeated", "Money saved"):
        assert any(line.startswith(label) for line in outcome.out.splitlines())
    assert "\x1b" not in outcome.out


def test_the_demo_s_script_is_one_that_the_scripted_model_understands() -> None:
    script = parse_script(play.task_input())

    assert script is not None
    assert len(script.turns) == play.TURNS == 10
    assert [len(turn.calls) for turn in script.turns] == [1] * 9 + [0]
    assert sum(turn.latency_seconds for turn in script.turns) < 20
    assert json.loads(play.task_input())["task"]


def test_the_patch_of_the_coding_run_keeps_its_tabs_and_no_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    coding.tell(Output(as_json=False), coding.CodingReport("t-1", patch="--- a.py\t2026\x1b[31m\n"))

    shown = capsys.readouterr().out
    assert "    --- a.py\t2026" in shown
    assert "\x1b" not in shown
