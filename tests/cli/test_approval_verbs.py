"""`par approvals …` against the fake server, and how a waiting task is shown elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Par
from tests.cli.fake_server import FakeServer, Refusal

UNKNOWN = {"tool_name": "sandbox_exec", "tool_args": {"command": "echo a\necho b"}, "reason": "outcome_unknown"}


def test_a_request_is_shown_with_all_that_a_person_needs(par: Par, server: FakeServer) -> None:
    request = server.add_request()

    page = par("approvals", "get", request["task_id"]).out

    assert f"Agent research asks for approval in task {request['task_id']}" in page
    assert "calculator\n    expression: 6 * 7" in page
    assert "policy for this tool is to ask first" in page
    assert "cost so far $0.00014" in page
    assert "expires in" in page
    for verb in ("approve", "reject"):
        assert f"par approvals {verb} {request['task_id']}" in page
    assert "--skip" not in page


def test_a_call_of_unknown_outcome_offers_its_own_answers(par: Par, server: FakeServer) -> None:
    request = server.add_request(**UNKNOWN, details={"attempt": 2})

    page = par("approvals", "get", request["task_id"]).out

    assert "    command:\n      echo a\n      echo b\n" in page
    assert "nobody knows whether it took effect" in page
    assert '"attempt": 2' in page
    assert "--result" in page
    assert "--skip" in page


def test_a_question_is_shown_as_it_was_put_but_cannot_steer_the_terminal(par: Par, server: FakeServer) -> None:
    request = server.add_request(kind="input", prompt="Which city?\n\x1b]0;owned\x07")

    page = par("approvals", "get", request["task_id"]).out

    assert "  Which city?\n" in page
    assert "\x1b" not in page
    assert f"par approvals respond {request['task_id']}" in page


def test_the_noun_alone_lists_where_nobody_can_be_asked(par: Par, server: FakeServer) -> None:
    assert "Nothing waits" in par("approvals").err
    assert par("approvals", "--json").json == []
    request = server.add_request()

    outcome = par("approvals")

    header, row = outcome.out.splitlines()
    assert header.split() == ["TASK", "AGENT", "ASKS", "COST", "ASKED", "EXPIRES"]
    assert row.startswith(request["task_id"])
    assert "calculator(expression='6 * 7')" in row
    assert par("approvals", "--json").json == [request]
    assert "Usage: par approvals" in par("approvals", "--help").out


@pytest.mark.parametrize(
    ("kind", "arguments", "path", "body", "said"),
    [
        ("approval", ["approve"], "approve", {}, "Approved calculator(expression='6 * 7')"),
        ("approval", ["approve", "--args", '{"a": 1}'], "approve", {"args": {"a": 1}}, "Approved calculator(a=1)"),
        ("approval", ["approve", "--result", "ok"], "approve", {"result": "ok"}, "Took your result"),
        ("approval", ["approve", "--skip"], "approve", {"skip": True}, "Left out"),
        ("approval", ["reject", "no"], "reject", {"reason": "no"}, "Rejected calculator"),
        ("input", ["respond", "Paris"], "respond", {"message": "Paris"}, "Answered"),
    ],
)
def test_an_answer_is_bound_to_the_request_that_is_open(
    kind: str, arguments: list[str], path: str, body: dict[str, Any], said: str, par: Par, server: FakeServer
) -> None:
    request = server.add_request(kind=kind)
    task_id = request["task_id"]

    outcome = par("approvals", arguments[0], task_id, *arguments[1:])

    assert outcome.status == 0
    assert said in outcome.out
    sent = server.sent("POST", f"/v1/tasks/{task_id}/{path}")
    assert [each.body for each in sent] == [{"request_id": request["request_id"], **body}]


def test_an_answer_that_comes_too_late_says_who_answered_and_when(par: Par, server: FakeServer) -> None:
    task_id = server.add_request()["task_id"]
    par("approvals", "approve", task_id)

    outcome = par("approvals", "reject", task_id, "no", "--json")

    assert outcome.status == 7
    assert "was approved by ann at 10:00" in outcome.err
    assert outcome.json["error"]["exit_code"] == 7


def test_nothing_open_is_a_conflict_and_no_such_task_is_not_found(par: Par, server: FakeServer) -> None:
    assert par("approvals", "get", server.add_task()["task_id"]).status == 7
    assert par("approvals", "get", "nope").status == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--args", "{oops"], "not JSON"),
        (["--args", "[1]"], "JSON object"),
        (["--args", "{}", "--skip"], "only one"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_sent(
    arguments: list[str], message: str, par: Par, server: FakeServer
) -> None:
    outcome = par("approvals", "approve", "t-1", *arguments)

    assert outcome.status == 1
    assert message in outcome.err
    assert server.requests == []


def test_arguments_are_edited_in_the_persons_editor(
    par: Par, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "sed -i s/7/8/")
    task_id = server.add_request()["task_id"]

    assert par("approvals", "approve", task_id, "--edit").status == 0
    assert server.requests[-1].body["args"] == {"expression": "6 * 8"}

    monkeypatch.setenv("EDITOR", "false")
    again = server.add_request()["task_id"]
    outcome = par("approvals", "approve", again, "--edit")
    assert outcome.status == 1
    assert "editor" in outcome.err
    assert not server.sent("POST", f"/v1/tasks/{again}/approve")


def test_a_waiting_task_shows_its_question_and_the_command_that_answers(par: Par, server: FakeServer) -> None:
    task_id = server.add_request()["task_id"]
    asked = {"event_type": "task_approval_requested", "status_after": "waiting_for_approval", "task_id": task_id}
    server.streams.append([("lifecycle", 1, {**asked, "details": {"tool_name": "calculator"}})])

    watched = par("task", "watch", task_id)

    assert watched.status == 3
    assert f"asks for approval of calculator: `par approvals get {task_id}`" in watched.out
    for text in (watched.out, par("task", "get", task_id).out):
        assert "expression: 6 * 7" in text
        assert f"par approvals approve {task_id}" in text


class Sitting:
    """A person at a terminal who types what is to come next."""

    def __init__(self, server: FakeServer, folder: Path, **environment: str) -> None:
        self._given = {
            **os.environ,
            "PAR_URL": server.url,
            "PAR_ENV_FILE": "",
            "PAR_DATA_DIR": str(folder),
            "PYTHONPATH": ":".join(sys.path),
            **environment,
        }

    def types(self, *lines: str) -> str:
        """Run `par approvals`, type the lines, and give all that stood on the terminal."""
        outside, inside = pty.openpty()
        command = [sys.executable, "-m", "agent_runtime.cli.main", "approvals"]
        with subprocess.Popen(command, stdin=inside, stdout=inside, stderr=inside, env=self._given) as process:
            os.close(inside)
            os.write(outside, "".join(f"{line}\n" for line in lines).encode())
            written = b""
            try:
                while chunk := os.read(outside, 65536):
                    written += chunk
            except OSError:
                pass
            assert process.wait(timeout=20) == 0, written.decode()
        os.close(outside)
        return written.decode().replace("\r\n", "\n")


def test_a_person_goes_through_what_is_open(server: FakeServer, tmp_path: Path) -> None:
    # The list is newest first, a person begins with the oldest.
    asked: tuple[dict[str, Any], ...] = ({"kind": "input", "prompt": "Which city?"}, {}, {}, UNKNOWN)
    requests = [server.add_request(**fields) for fields in asked]
    skipped = server.add_request()
    server.human_requests.reverse()
    sitting = Sitting(server, tmp_path, VISUAL="sed -i s/7/9/")

    written = sitting.types("x", "r", "Paris", "e", "r", "Not today.", "g", "it printed a", "s")

    bodies = [request.body for request in server.requests if request.method == "POST"]
    assert [(body.pop("request_id"), body) for body in bodies] == [
        (requests[0]["request_id"], {"message": "Paris"}),
        (requests[1]["request_id"], {"args": {"expression": "6 * 9"}}),
        (requests[2]["request_id"], {"reason": "Not today."}),
        (requests[3]["request_id"], {"result": "it printed a"}),
    ]
    assert server.human_requests == [skipped]
    assert "Which city?" in written
    assert written.endswith("Answered: 4, left open: 1.\n")


def test_a_person_who_is_too_late_or_wrong_is_told_and_goes_on(server: FakeServer, tmp_path: Path) -> None:
    first, second = server.add_request(), server.add_request()
    server.human_requests.reverse()

    server.refusals_of_posts.extend(
        [Refusal(422, "args: more is not known"), Refusal(409, "was approved by ann at 10:00")]
    )
    written = Sitting(server, tmp_path).types("a", "a", "q")

    assert "args: more is not known" in written
    assert "Too late: was approved by ann at 10:00" in written
    assert first["task_id"] in written
    assert second["task_id"] in written
    assert "Answered: 0, left open: 2." in written
