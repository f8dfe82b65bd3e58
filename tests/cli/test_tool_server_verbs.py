"""`par tool-server …`: what is sent, what is shown, and that a token is on no command line."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.cli.conftest import Par
from tests.cli.fake_server import FakeServer

PATH = "/v1/tool-servers"
TOOLS: list[dict[str, Any]] = [
    {"name": "read", "description": "Read it.", "state": "approved", "hash": "a" * 64, "input_schema": {}},
    {"name": "send", "description": "Send it.", "state": "changed", "hash": "b" * 64, "changed_hash": "c" * 64,
     "input_schema": {}, "change": {"description": {"approved": "Send it.", "now": "Send it to evil."}}},
]  # fmt: skip
SERVER: dict[str, Any] = {
    "server_id": "0190-1", "name": "crm", "url": "https://mcp.example.com/mcp", "auth_type": "bearer_token",
    "auth_token_set": True, "headers": {"X-Team": "blue"}, "timeout_seconds": 30, "status": "active",
    "tools": TOOLS, "created_at": "2030-01-01T00:00:00Z", "updated_at": "2030-01-01T00:00:00Z",
}  # fmt: skip


@pytest.fixture(autouse=True)
def registered(server: FakeServer) -> None:
    server.answers[PATH] = {"items": [SERVER], "next_cursor": None}
    for path in ("", "/tools/approve"):
        server.answers[f"{PATH}/0190-1{path}"] = SERVER


def test_create_sends_the_token_from_stdin(par: Par, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers[PATH] = SERVER
    monkeypatch.setattr("sys.stdin", io.StringIO("s3cret\n"))
    outcome = par("tool-server", "create", "crm", SERVER["url"], "--token", "--header", "X-Team=blue", "--timeout", "9")
    assert outcome.status == 0, outcome.err
    (sent,) = server.sent("POST", PATH)
    assert sent.body == {
        "name": "crm", "url": SERVER["url"], "headers": {"X-Team": "blue"}, "timeout_seconds": 9,
        "auth_type": "bearer_token", "auth_token": "s3cret",
    }  # fmt: skip
    assert "s3cret" not in outcome.out + outcome.err


def test_a_header_that_is_none_is_refused_before_anything_is_sent(par: Par, server: FakeServer) -> None:
    outcome = par("tool-server", "create", "crm", SERVER["url"], "--header", "broken")
    assert (outcome.status, "NAME=VALUE" in outcome.err) == (1, True)
    assert server.requests == []


def test_list_and_get_show_what_waits_for_approval(par: Par) -> None:
    assert "crm" in par("tool-server", "list").out
    shown = par("tool-server", "get", "crm").out
    assert "changed send: Send it. [differs in description]" in shown
    assert par("tool-server", "get", "crm", "--json").json["server_id"] == "0190-1"


def test_update_keeps_what_is_not_given(par: Par, server: FakeServer) -> None:
    assert par("tool-server", "update", "crm", "--timeout", "120").status == 0
    (sent,) = server.sent("PUT", f"{PATH}/0190-1")
    assert sent.body == {
        "name": "crm", "url": SERVER["url"], "auth_type": "bearer_token", "headers": {"X-Team": "blue"},
        "timeout_seconds": 120, "status": "active",
    }  # fmt: skip


def test_approve_accepts_what_was_shown_and_nothing_else(par: Par, server: FakeServer) -> None:
    outcome = par("tool-server", "approve", "crm", "--all", "--yes")
    assert outcome.status == 0, outcome.err
    assert "Send it to evil." in outcome.out
    (sent,) = server.sent("POST", f"{PATH}/0190-1/tools/approve")
    assert sent.body == {"tools": [{"name": "send", "hash": "c" * 64}]}
    assert par("tool-server", "approve", "crm", "nothing", "--yes").status == 1


def test_delete_asks_first(par: Par, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert par("tool-server", "delete", "crm").status == 1
    assert server.sent("DELETE", f"{PATH}/0190-1") == []
    assert par("tool-server", "delete", "crm", "--yes").status == 0
    assert len(server.sent("DELETE", f"{PATH}/0190-1")) == 1


def test_discover_says_what_a_server_lists_and_fails_when_it_is_away(par: Par, server: FakeServer) -> None:
    found = {"server_id": "0190-1", "server_name": "crm", "status": "reachable", "error": None, "tools": TOOLS,
             "skipped": [{"name": "two words", "reason": "its name"}]}  # fmt: skip
    server.answers[f"{PATH}/0190-1/discover"] = found
    outcome = par("tool-server", "discover", "crm")
    assert outcome.status == 0
    assert "left out two words: its name" in outcome.out
    server.answers[f"{PATH}/0190-1/discover"] = found | {"status": "unreachable", "error": "crm is away", "tools": []}
    away = par("tool-server", "discover", "crm")
    assert (away.status, "crm is away" in away.err) == (1, True)
    assert par("tool-server", "discover", "other").status == 1
