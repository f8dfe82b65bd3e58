"""`par doctor`: each line is ok, warn or fail, and says what to do."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Outcome, Par
from tests.cli.fake_server import FakeServer


def _statuses(outcome: Outcome) -> dict[str, str]:
    return {finding["name"]: finding["status"] for finding in outcome.json}


def test_a_sound_system_is_ok(par: Par, server: FakeServer) -> None:
    server.workers = [{"worker_id": "w-1", "status": "online", "version": "0.1.0"}]

    outcome = par("doctor", "--json")

    assert outcome.status == 0
    assert set(_statuses(outcome).values()) <= {"ok", "warn"}
    assert {"settings", "server", "database", "migrations", "workers", "clock", "providers", "disk"} <= set(
        _statuses(outcome)
    )


def test_no_worker_fails_and_says_how_to_start_one(par: Par) -> None:
    outcome = par("doctor")

    assert outcome.status == 1
    line = next(line for line in outcome.out.splitlines() if line.startswith("fail"))
    assert "par scale-worker" in line


def test_an_unreachable_server_fails_within_seconds(par: Par, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAR_URL", "http://127.0.0.1:9")

    outcome = par("doctor", "--json")

    assert outcome.status == 1
    assert _statuses(outcome)["server"] == "fail"


def test_a_wrong_setting_is_a_finding(par: Par, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAR_WORKRES", "3")

    outcome = par("doctor", "--json")

    assert outcome.status == 1
    assert _statuses(outcome) == {"settings": "fail"}


def test_keys_are_named_and_never_shown(par: Par, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    server.workers = [{"worker_id": "w-1", "status": "online"}]

    outcome = par("doctor")

    assert "OPENAI_API_KEY" in outcome.out
    assert "sk-very-secret" not in outcome.out + outcome.err


def test_a_wrong_key_is_a_finding(par: Par, server: FakeServer) -> None:
    server.api_key = "k"

    assert _statuses(par("doctor", "--json"))["server"] == "fail"
