"""`par webhook …` and `par model set-key` against a server that answers what it is told to."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.cli.conftest import Par
from tests.cli.fake_server import FakeServer

WEBHOOK: dict[str, Any] = {
    "webhook_id": "w-1",
    "kind": "endpoint",
    "url": "https://example.com/hook",
    "agent_id": None,
    "events": ["task_completed"],
    "status": "active",
    "previous_secret_expires_at": None,
}
DELIVERY: dict[str, Any] = {
    "delivery_id": "d-1",
    "status": "failed",
    "event_type": "task_completed",
    "task_id": "t-1",
    "attempts": 3,
    "last_error": "the receiver answered 500",
    "last_status_code": 500,
    "created_at": "2026-01-01T00:00:00Z",
}


@pytest.fixture(autouse=True)
def answers(server: FakeServer) -> None:
    server.answers.update(
        {
            "/v1/webhooks": {**WEBHOOK, "secret": "whsec_abc", "items": [WEBHOOK], "next_cursor": None},
            "/v1/webhooks/w-1": WEBHOOK,
            "/v1/webhooks/w-1/rotate-secret": {**WEBHOOK, "secret": "whsec_new"},
            "/v1/webhooks/w-1/deliveries": {"items": [DELIVERY], "next_cursor": None},
            "/v1/webhooks/w-1/deliveries/d-1/redeliver": {**DELIVERY, "status": "pending"},
            "/v1/providers/openai/key": {"provider": "openai", "key_from": "database"},
        }
    )


def test_a_webhook_is_created_and_its_secret_shown(par: Par, server: FakeServer) -> None:
    outcome = par("webhook", "create", "https://example.com/hook", "--agent", "research", "--event", "task_paused")
    assert outcome.status == 0
    assert "whsec_abc" in outcome.out
    (request,) = server.sent("POST", "/v1/webhooks")
    assert request.body == {"url": "https://example.com/hook", "agent_id": "research", "events": ["task_paused"]}


def test_webhooks_are_listed_and_shown(par: Par) -> None:
    assert "https://example.com/hook" in par("webhook", "list").out
    assert json.loads(par("webhook", "get", "w-1", "--json").out)["webhook_id"] == "w-1"


def test_an_update_keeps_what_is_not_given(par: Par, server: FakeServer) -> None:
    assert par("webhook", "update", "w-1", "--disable").status == 0
    (request,) = server.sent("PUT", "/v1/webhooks/w-1")
    assert request.body == {
        "url": WEBHOOK["url"],
        "agent_id": None,
        "events": ["task_completed"],
        "status": "disabled",
    }


def test_a_deletion_needs_a_yes(par: Par, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert par("webhook", "delete", "w-1").status == 1
    assert server.sent("DELETE", "/v1/webhooks/w-1") == []
    assert par("webhook", "delete", "w-1", "--yes").status == 0
    assert len(server.sent("DELETE", "/v1/webhooks/w-1")) == 1


def test_the_log_is_shown_and_a_delivery_sent_again(par: Par, server: FakeServer) -> None:
    shown = par("webhook", "deliveries", "w-1", "--status", "failed")
    assert "the receiver answered 500" in shown.out
    assert server.sent("GET", "/v1/webhooks/w-1/deliveries")[0].query["status"] == ["failed"]
    assert par("webhook", "redeliver", "w-1", "d-1").status == 0
    assert len(server.sent("POST", "/v1/webhooks/w-1/deliveries/d-1/redeliver")) == 1


def test_a_new_secret_is_shown(par: Par, server: FakeServer) -> None:
    assert "whsec_new" in par("webhook", "rotate-secret", "w-1", "--keep-previous", "60").out
    assert server.sent("POST", "/v1/webhooks/w-1/rotate-secret")[0].body == {"keep_previous_seconds": 60}


def test_a_key_is_read_from_stdin_and_never_printed(
    par: Par, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("sk-canary-1\n"))
    outcome = par("model", "set-key", "openai")
    assert outcome.status == 0
    assert server.sent("PUT", "/v1/providers/openai/key")[0].body == {"api_key": "sk-canary-1"}
    assert "sk-canary-1" not in outcome.out + outcome.err
    assert par("model", "set-key", "openai", "--delete").status == 0
    assert len(server.sent("DELETE", "/v1/providers/openai/key")) == 1
