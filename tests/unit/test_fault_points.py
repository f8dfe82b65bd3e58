"""Fault points: inert unless armed, and only known ones can be armed."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_runtime import fault_points
from agent_runtime.domain.errors import ConfigurationError

SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    fault_points.arm(None, allowed=False)


def test_an_unarmed_point_does_nothing() -> None:
    fault_points.reach("claim.committed")


def test_a_fault_acts_at_its_nth_reach_alone() -> None:
    fault_points.arm("model.returned:2:raise, tool.after_call:1:sleep:0", allowed=True)
    fault_points.reach("model.returned")
    fault_points.reach("tool.after_call")
    with pytest.raises(fault_points.FaultInjected):
        fault_points.reach("model.returned")
    fault_points.reach("model.returned")


def test_exit_ends_the_process_at_once() -> None:
    program = (
        "import atexit; from agent_runtime import fault_points as f; atexit.register(print, 'cleaned up');"
        "f.arm('finish.before_commit:1:exit', allowed=True); f.reach('finish.before_commit')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": str(SOURCE)}
    )
    assert (done.returncode, done.stdout) == (fault_points.EXIT_CODE, "")
    assert "finish.before_commit: exit" in done.stderr


@pytest.mark.parametrize(
    "spec",
    [
        "nowhere:1:exit",
        "claim.committed",
        "claim.committed:0:exit",
        "claim.committed:x:exit",
        "claim.committed:1:jump",
        "claim.committed:1:sleep",
        "claim.committed:1:sleep:-1",
        "claim.committed:1:sleep:inf",
        "claim.committed:1:exit:3",
    ],
)
def test_a_wrong_spec_is_refused(spec: str) -> None:
    with pytest.raises(ConfigurationError, match="PAR_FAULT"):
        fault_points.arm(spec, allowed=True)


def test_faults_are_refused_where_they_are_not_allowed() -> None:
    with pytest.raises(ConfigurationError, match="PAR_FAULTS_ALLOWED"):
        fault_points.arm("claim.committed:1:exit", allowed=False)


def test_every_point_in_the_code_is_registered() -> None:
    found = {
        name
        for file in (SOURCE / "agent_runtime").rglob("*.py")
        for name in re.findall(r"\breach\(\s*\"([^\"]+)\"", file.read_text())
    }
    assert found <= fault_points.POINTS


def test_an_unarmed_point_costs_next_to_nothing() -> None:
    started = time.perf_counter()
    for _ in range(100_000):
        fault_points.reach("claim.committed")
    assert time.perf_counter() - started < 0.5
