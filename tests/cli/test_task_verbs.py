"""`par task …` against the fake server."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Par
from tests.cli.fake_server import FakeServer


def _finished_stream() -> list[tuple[str, int | None, dict[str, Any]]]:
    turn = {"kind": "model_turn", "text": "let me see", "input_tokens": 100, "output_tokens": 20}
    return [
        ("lifecycle", 1, {"event_type": "task_claimed", "status_after": "running", "worker_id": "w-1"}),
        ("turn", 2, {**turn, "cost_microdollars": 140}),
        ("tool_call", 3, {"tool_name": "calculator", "tool_args": {"expression": "6*7"}}),
        ("tool_result", 4, {"tool_name": "calculator", "result": "42", "duration_ms": 3}),
        ("token", None, {"text": "The ans"}),
        ("lifecycle", 5, {"event_type": "task_completed", "status_after": "completed"}),
        ("end", None, {}),
    ]


def test_submit_prints_the_id_alone(par: Par, server: FakeServer) -> None:
    outcome = par("task", "submit", "research", "why?")

    assert outcome.status == 0
    assert outcome.out.strip() in server.tasks


def test_submit_sends_every_field(par: Par, server: FakeServer) -> None:
    options = "--max-retries 0 --max-steps 7 --timeout 60 --priority 1 --run-at 2030-01-01T00:00:00Z"
    labels = ["--label", "team=search", "--label", "note=a=b", "--budget-max", "250", "--idempotency-key", "k-1"]

    assert par("task", "submit", "research", "why?", *options.split(), *labels).status == 0

    request = server.sent("POST", "/v1/tasks")[0]
    assert request.headers["idempotency-key"] == "k-1"
    assert request.body == {
        "agent_id": "research",
        "input": "why?",
        "max_retries": 0,
        "max_steps": 7,
        "task_timeout_seconds": 60,
        "priority": 1,
        "run_at": "2030-01-01T00:00:00Z",
        "labels": {"team": "search", "note": "a=b"},
        "budget_max": 250,
    }


def test_submit_reads_a_file_and_stdin_unchanged(
    par: Par, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = " né 日本\r\n\n"
    (tmp_path / "input.txt").write_bytes(text.encode())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    par("task", "submit", "research", f"@{tmp_path}/input.txt")
    par("task", "submit", "research", "-")
    par("task", "submit", "research", "@@home")

    assert [request.body["input"] for request in server.requests] == [text, text, "@home"]


def test_an_input_file_that_is_missing_is_one_line(par: Par, server: FakeServer) -> None:
    outcome = par("task", "submit", "research", "@/no/such/file")

    assert outcome.status == 1
    assert "/no/such/file" in outcome.err
    assert outcome.err.count("\n") == 1
    assert server.requests == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [("completed", 0), ("dead_letter", 2), ("waiting_for_approval", 3), ("waiting_for_input", 3), ("paused", 3)],
)
def test_waiting_exits_by_how_the_task_stands(status: str, expected: int, par: Par, server: FakeServer) -> None:
    server.status_after_submit = status
    server.streams.append([("lifecycle", 1, {"event_type": "x", "status_after": status}), ("end", None, {})])

    outcome = par("task", "submit", "research", "why?", "--wait", "--json")

    assert outcome.status == expected
    assert outcome.json["status"] == status


def test_an_old_wait_that_was_answered_does_not_stop_the_watch(par: Par, server: FakeServer) -> None:
    task_id = server.add_task()["task_id"]
    asked = {"event_type": "task_approval_requested", "status_after": "waiting_for_approval"}
    server.streams.append([("lifecycle", 1, asked), *[(k, n + 1 if n else n, d) for k, n, d in _finished_stream()]])

    assert par("task", "watch", task_id).status == 0


def test_waiting_too_long_is_status_4(par: Par, server: FakeServer) -> None:
    server.add_task(task_id="t-1", status="running")

    outcome = par("task", "watch", "t-1", "--wait-timeout", "0.3")

    assert outcome.status == 4
    assert "t-1" in outcome.err


def test_watch_ends_in_the_result_with_steps_cost_and_duration(par: Par, server: FakeServer) -> None:
    task_id = server.add_task()["task_id"]
    server.streams.append(_finished_stream())

    outcome = par("task", "watch", task_id)

    lines = outcome.out.splitlines()
    assert "calculator(expression='6*7')" in outcome.out
    assert "100 in, 20 out, $0.00014" in outcome.out
    assert lines[-2:] == ["the answer", "completed · 4 steps · $0.001234 · 2.00 s"]


def test_watch_as_json_is_one_object_a_line_with_the_task_last(par: Par, server: FakeServer) -> None:
    task_id = server.add_task()["task_id"]
    stream = _finished_stream()
    server.streams.extend([stream[:3], stream[3:]])

    events = par("task", "watch", task_id, "--json").json_lines

    assert [event["event"] for event in events] == [kind for kind, _, _ in stream] + ["result"]
    assert events[-1]["data"] == server.tasks[task_id]


def test_watch_of_a_missing_task_is_status_6(par: Par) -> None:
    assert par("task", "watch", "nope").status == 6


def test_an_empty_list_is_an_empty_array(par: Par) -> None:
    for verb in (["task"], ["agent"], ["worker"], ["model"], ["dead-letter"]):
        outcome = par(*verb, "list", "--json")
        assert (outcome.status, outcome.json) == (0, [])


def test_a_list_in_a_pipe_is_plain_columns(par: Par, server: FakeServer) -> None:
    server.add_task(task_id="t-1", input="first\nsecond\x1b[31m")

    outcome = par("task", "list")

    header, row = outcome.out.splitlines()
    assert header.split()[:3] == ["TASK", "AGENT", "STATUS"]
    assert row.split()[:3] == ["t-1", "research", "completed"]
    assert "\x1b" not in outcome.out
    assert "first second" in row


def test_filters_of_a_list_reach_the_server(par: Par, server: FakeServer) -> None:
    par("task", "list", "--status", "queued", "--status", "running", "--agent", "a", "--label", "x=y", "-q", "0190")

    query = server.requests[0].query
    assert query["status"] == ["queued", "running"]
    assert (query["agent_id"], query["label"], query["q"]) == (["a"], ["x=y"], ["0190"])


def test_get_shows_why_a_task_failed_and_what_to_do(par: Par, server: FakeServer) -> None:
    server.add_task(
        task_id="t-1", status="dead_letter", dead_letter_reason="retries_exhausted", last_error_message="model is down"
    )

    outcome = par("task", "get", "t-1")

    assert "retries_exhausted: model is down" in outcome.out
    assert "par task redrive t-1" in outcome.out


def test_cancel_of_an_ended_task_is_a_conflict(par: Par, server: FakeServer) -> None:
    server.add_task(task_id="t-1")

    outcome = par("task", "cancel", "t-1")

    assert outcome.status == 7
    assert outcome.err == "Error: task is completed and cannot be cancelled\n"


def test_cancelling_several_tells_each_failure_and_does_the_rest(par: Par, server: FakeServer) -> None:
    server.add_task(task_id="done")
    server.add_task(task_id="open", status="running")

    outcome = par("task", "cancel", "done", "open", "--json")

    assert outcome.status == 7
    assert server.tasks["open"]["status"] == "dead_letter"
    assert [answer.get("error") is None for answer in outcome.json] == [False, True]


def test_redrive_sends_its_changes(par: Par, server: FakeServer) -> None:
    server.add_task(task_id="t-1", status="dead_letter")

    assert par("task", "redrive", "t-1", "--rollback-last-checkpoint", "--input", "again").status == 0
    assert server.requests[-1].body == {"rollback_last_checkpoint": True, "input": "again"}


def test_get_shows_where_a_fork_began(par: Par, server: FakeServer) -> None:
    server.add_task(task_id="t-2", parent_task_id="t-1", forked_from="c-7")

    assert "task t-1 at checkpoint c-7" in par("task", "get", "t-2").out
