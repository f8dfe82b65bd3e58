"""`par batch …` against the fake server."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Par
from tests.cli.fake_server import FakeServer, Refusal


def _file(folder: Path, *lines: Any) -> str:
    path = folder / "tasks.jsonl"
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return str(path)


def test_lines_are_bodies_inputs_or_texts(par: Par, server: FakeServer, tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        {"agent_id": "own", "input": "a", "priority": 1, "labels": {"run": "own"}},
        "",
        {"input": "b\u2028c"},
        '"just text"',
    )

    outcome = par("batch", "submit", path, "--agent", "research", "--label", "run=x", "--label", "by=me")

    assert outcome.status == 0
    assert outcome.out.strip() in server.batches
    assert "Submitted 3 tasks" in outcome.err
    assert server.requests[0].body["tasks"] == [
        {"agent_id": "own", "input": "a", "priority": 1, "labels": {"run": "own", "by": "me"}},
        {"agent_id": "research", "input": "b\u2028c", "labels": {"run": "x", "by": "me"}},
        {"agent_id": "research", "input": "just text", "labels": {"run": "x", "by": "me"}},
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{oops", "Line 2 is not JSON: Expecting property name enclosed in double quotes at column 2. "),
        ("[1]", 'Line 2 has no "input"'),
        ('{"input": "x"}', 'Line 2 has no "agent_id"'),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_sent(
    line: str, message: str, par: Par, server: FakeServer, tmp_path: Path
) -> None:
    outcome = par("batch", "submit", _file(tmp_path, {"agent_id": "a", "input": "x"}, line))

    assert outcome.status == 1
    assert message in outcome.err
    assert server.requests == []


def test_an_empty_file_says_what_a_line_is(par: Par, tmp_path: Path) -> None:
    assert "each line is one" in par("batch", "submit", _file(tmp_path, "")).err


def test_what_the_server_refuses_is_told_by_the_line_of_the_file(par: Par, server: FakeServer, tmp_path: Path) -> None:
    path = _file(tmp_path, '"first"', "", '"second"')
    errors = [{"loc": ["body", "tasks", 1, "priority"], "msg": "must be at most 9"}]
    server.refusals.append(Refusal(422, "1 field is not valid", errors=errors))

    outcome = par("batch", "submit", path, "--agent", "research")

    assert outcome.status == 1
    assert "line 3: priority: must be at most 9" in outcome.err


def test_broken_off_and_run_again_it_goes_on_and_submits_nothing_twice(
    par: Par, server: FakeServer, tmp_path: Path
) -> None:
    path = _file(tmp_path, *[{"input": f"task {number}"} for number in range(2_500)])
    server.refusals_of_posts.extend([None, Refusal(400, "out of luck")])

    broken = par("batch", "submit", path, "--agent", "research")
    assert broken.status == 1
    assert "1000 of 2500 were submitted before" in broken.err
    for task in server.tasks.values():
        task["created_at"] = "2026-01-02T03:04:05Z"
    again = par("batch", "submit", path, "--agent", "research", "--json")

    assert again.status == 0
    assert len(again.json["batch_ids"]) == 3
    assert len(server.tasks) == 2_500
    assert "1 of 3 batches of this file were submitted before" in again.err
    assert len(server.sent("POST", "/v1/tasks/batch")) == 5


def test_another_key_submits_the_same_file_again(par: Par, server: FakeServer, tmp_path: Path) -> None:
    path = _file(tmp_path, '"same"')

    for key in ([], [], ["--idempotency-key", "tuesday"]):
        assert par("batch", "submit", path, "--agent", "research", *key).status == 0

    assert len(server.tasks) == 2


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["completed", "completed"], 0),
        (["completed", "dead_letter"], 2),
        (["waiting_for_input", "completed"], 3),
        (["paused", "dead_letter"], 2),
    ],
)
def test_waiting_ends_in_counts_and_cost_and_the_status_that_fits(
    statuses: list[str], expected: int, par: Par, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'"a"\n"b"\n')))
    server.statuses_of_batch = statuses

    outcome = par("batch", "submit", "-", "--agent", "research", "--wait")

    assert outcome.status == expected
    assert "$0.002468" in outcome.out
    for status in statuses:
        assert status in outcome.out


def test_waiting_too_long_is_status_4_and_says_where_to_look(par: Par, server: FakeServer, tmp_path: Path) -> None:
    server.statuses_of_batch = ["running"]

    outcome = par("batch", "submit", _file(tmp_path, '"x"'), "--agent", "a", "--wait", "--wait-timeout", "0.3")

    assert outcome.status == 4
    assert f"par batch get {next(iter(server.batches))}" in outcome.err


def test_get_shows_counts_cost_and_where_the_failed_ones_are(par: Par, server: FakeServer, tmp_path: Path) -> None:
    server.statuses_of_batch = ["completed", "dead_letter"]
    batch_id = par("batch", "submit", _file(tmp_path, '"x"', '"y"'), "--agent", "a").out.strip()

    page = par("batch", "get", batch_id).out

    assert "completed    1" in page
    assert f"par task list --batch {batch_id} --status dead_letter" in page
    assert "$0.002468" in page
    assert par("batch", "get", batch_id, "--json").json["total"] == 2
    assert par("batch", "get", "nope").status == 6
