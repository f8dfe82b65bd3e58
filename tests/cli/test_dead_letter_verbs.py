"""`par dead-letter …`: many at once only after a count and a yes."""

from __future__ import annotations

import io

import pytest

from tests.cli.conftest import Par
from tests.cli.fake_server import FakeServer


@pytest.fixture(autouse=True)
def dead_letters(server: FakeServer) -> None:
    for number in range(3):
        server.add_task(task_id=f"t-{number}", status="dead_letter", error_fingerprint="v1:abc")


def _redrives(server: FakeServer) -> list[object]:
    return [request.body for request in server.sent("POST", "/v1/dead-letters/redrive")]


def test_without_a_terminal_it_needs_yes(par: Par, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())

    outcome = par("dead-letter", "redrive", "--fingerprint", "v1:abc")

    assert outcome.status == 1
    assert "3 dead letters" in outcome.err
    assert "--yes" in outcome.err
    assert _redrives(server) == []


@pytest.mark.parametrize(("answer", "sent"), [("y\n", 1), ("n\n", 0), ("\n", 0)])
def test_on_a_terminal_it_asks(
    answer: str, sent: int, par: Par, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO(answer)
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)

    par("dead-letter", "redrive", "t-1", "t-2")

    assert len(_redrives(server)) == sent


def test_yes_redrives_what_was_chosen(par: Par, server: FakeServer) -> None:
    outcome = par("dead-letter", "redrive", "--fingerprint", "v1:abc", "--agent", "research", "--yes", "--json")

    assert outcome.json == {"redriven": 3, "skipped": 0}
    assert _redrives(server) == [{"task_ids": ["t-0", "t-1", "t-2"]}]


def test_thousands_go_in_several_requests(par: Par, server: FakeServer) -> None:
    for number in range(3, 1100):
        server.add_task(task_id=f"t-{number}", status="dead_letter")

    outcome = par("dead-letter", "redrive", "--fingerprint", "v1:abc", "--yes", "--json")

    assert outcome.json == {"redriven": 1100, "skipped": 0}
    assert len(_redrives(server)) == 2


def test_a_dry_run_names_them_and_changes_nothing(par: Par, server: FakeServer) -> None:
    outcome = par("dead-letter", "redrive", "--fingerprint", "v1:abc", "--dry-run", "--json")

    assert outcome.json["would_redrive"] == ["t-0", "t-1", "t-2"]
    assert _redrives(server) == []


def test_ids_and_a_fingerprint_together_are_refused(par: Par) -> None:
    assert par("dead-letter", "redrive", "t-1", "--fingerprint", "f", "--yes").status == 1
    assert par("dead-letter", "redrive", "--yes").status == 1


def test_groups_show_each_cause_with_an_example_and_how_to_redrive(par: Par, server: FakeServer) -> None:
    example = {"task_id": "t-1", "last_error_message": "model is down"}
    group = {"fingerprint": "v1:1", "count": 3, "agents": ["research"], "example": example}
    server.answers["/v1/dead-letters/groups"] = {"items": [group], "next_cursor": None}

    outcome = par("dead-letter", "groups")

    row = outcome.out.splitlines()[1]
    assert row.split()[:2] == ["v1:1", "3"]
    assert "model is down" in row
    assert "--fingerprint" in outcome.err
    assert par("dead-letter", "groups", "--json").json[0]["count"] == 3
