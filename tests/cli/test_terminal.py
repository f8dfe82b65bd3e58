"""On a terminal: colours and a live line; with NO_COLOR no colours; text of others cannot steer the terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

from tests.cli.fake_server import FakeServer

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9]m")


def on_a_terminal(server: FakeServer, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run `par` with a terminal as its stdout and give its exit status and everything it wrote there."""
    outside, inside = pty.openpty()
    given = {
        **os.environ,
        "PAR_URL": server.url,
        "PYTHONPATH": ":".join(sys.path),
        "TERM": "xterm-256color",
        "COLUMNS": "120",
        **environment,
    }
    command = [sys.executable, "-m", "agent_runtime.cli.main", *arguments]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=inside, stderr=inside, env=given) as process:
        os.close(inside)
        written = b""
        try:
            while chunk := os.read(outside, 65536):
                written += chunk
        except OSError:
            pass
        process.wait(timeout=10)
    os.close(outside)
    return process.returncode, written.decode()


@pytest.fixture
def task_id(server: FakeServer) -> str:
    server.streams.append(
        [
            ("lifecycle", 1, {"event_type": "task_claimed", "status_after": "running", "worker_id": "w-1"}),
            ("turn", 2, {"kind": "model_turn", "text": "see", "input_tokens": 9, "output_tokens": 2}),
            ("token", None, {"text": "typing"}),
            ("tool_result", 3, {"tool_name": "[bold]x", "result": "\x1b]0;owned\x07 done"}),
            ("end", None, {}),
        ]
    )
    return str(server.add_task()["task_id"])


def test_a_watch_on_a_terminal_is_coloured_and_ends_in_the_result(server: FakeServer, task_id: str) -> None:
    status, written = on_a_terminal(server, "task", "watch", task_id, NO_COLOR="")

    assert status == 0
    assert COLOUR.search(written)
    assert "[bold]x" in written
    assert "the answer" in written
    assert "completed · 4 steps" in written.splitlines()[-1]


def test_no_color_is_respected(server: FakeServer, task_id: str) -> None:
    _, written = on_a_terminal(server, "task", "watch", task_id, NO_COLOR="1")

    assert not COLOUR.search(written)
    assert "the answer" in written


def test_a_tool_cannot_rename_the_terminal(server: FakeServer, task_id: str) -> None:
    _, written = on_a_terminal(server, "task", "watch", task_id)

    assert "\x1b]0;" not in written


def test_lists_and_doctor_are_drawn(server: FakeServer, task_id: str) -> None:
    server.workers = [{"worker_id": "w-1", "status": "online"}]

    assert task_id in on_a_terminal(server, "task", "list")[1]
    status, written = on_a_terminal(server, "doctor", NO_COLOR="")
    assert status == 0
    assert COLOUR.search(written)
