"""Every failure is one line and an exit status, never a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Par
from tests.cli.fake_server import FakeServer, Refusal
from tests.support.waiting import eventually_sync


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (Refusal(401, "the API key is wrong"), 5),
        (Refusal(403, "the scope `submit` is missing"), 5),
        (Refusal(404, "there is no such agent"), 6),
        (Refusal(409, "the agent is disabled"), 7),
        (Refusal(422, "input must not be empty"), 1),
        (Refusal(500, "internal error"), 1),
    ],
)
def test_an_error_answer_is_one_line_with_its_exit_status(
    refusal: Refusal, expected: int, par: Par, server: FakeServer
) -> None:
    server.refusals.append(refusal)

    outcome = par("task", "submit", "research", "x")

    assert outcome.status == expected
    assert outcome.err.startswith(f"Error: {refusal.detail}")
    assert outcome.err.count("\n") == 1
    assert outcome.out == ""


def test_a_refused_key_comes_with_what_to_do_as_a_sentence_of_its_own(par: Par, server: FakeServer) -> None:
    server.refusals.append(Refusal(401, "a valid API key is needed"))

    assert par("task", "list").err == "Error: a valid API key is needed. Set PAR_API_KEY to a key of this server.\n"


def test_the_field_of_a_422_is_named(par: Par, server: FakeServer) -> None:
    server.refusals.append(Refusal(422, "not valid", errors=[{"loc": ["body", "priority"], "msg": "at most 9"}]))

    outcome = par("task", "submit", "research", "x", "--priority", "11", "--json")

    assert "priority: at most 9" in outcome.err
    assert outcome.json["error"]["fields"] == [{"field": "priority", "message": "at most 9"}]


def test_an_unreachable_server_is_status_8(par: Par, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAR_URL", "http://127.0.0.1:9")

    outcome = par("worker", "list", "--json")

    assert outcome.status == 8
    assert "127.0.0.1:9" in outcome.err
    assert outcome.json["error"]["code"] == "server_unreachable"


def test_a_wrong_setting_is_one_line_with_its_name(par: Par, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAR_PORT", "many")

    outcome = par("worker", "list")

    assert outcome.status == 1
    assert "PAR_PORT" in outcome.err
    assert outcome.err.count("\n") == 1


def test_what_nobody_expected_is_one_line_too(par: Par, server: FakeServer) -> None:
    server.workers = [{"unexpected": True}]

    outcome = par("worker", "list")

    assert outcome.status == 1
    assert "Traceback" not in outcome.err
    assert outcome.err.count("\n") == 1


def test_the_api_key_is_sent(par: Par, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.api_key = "k"
    assert par("worker", "list").status == 5
    monkeypatch.setenv("PAR_API_KEY", "k")
    assert par("worker", "list").status == 0


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What a shell starts in the background ignores SIGINT, and hands that on: tests that run so, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_a_watch_quietly_with_130(server: FakeServer) -> None:
    task_id = server.add_task(status="running")["task_id"]
    environment = {**os.environ, "PAR_URL": server.url, "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-m", "agent_runtime.cli.main", "task", "watch", task_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True) as watch:
        eventually_sync(lambda: server.requests, "the watch asks for the stream")
        watch.send_signal(signal.SIGINT)
        try:
            _, err = watch.communicate(timeout=10)
        finally:
            watch.kill()

    assert watch.returncode == 130
    assert "Traceback" not in err
    assert "KeyboardInterrupt" not in err


def test_a_reader_that_leaves_early_is_no_error(server: FakeServer) -> None:
    server.workers = [{"worker_id": f"w-{number}", "status": "online"} for number in range(5000)]
    environment = {**os.environ, "PAR_URL": server.url, "PYTHONPATH": ":".join(sys.path)}
    script = f"{sys.executable} -m agent_runtime.cli.main worker list | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, env=environment, timeout=15, text=True)

    assert done.stdout.startswith("WORKER")
    assert done.stderr == ""
