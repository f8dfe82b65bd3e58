"""`par tenant …`, `par key …`, `par audit …`: what they send, and the key printed once."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Par
from tests.cli.fake_server import FakeServer


def test_a_key_is_asked_for_and_printed(par: Par, server: FakeServer) -> None:
    outcome = par("key", "create", "--tenant", "acme", "--scope", "read", "--scope", "submit", "--json")

    assert outcome.status == 0, outcome.err
    assert outcome.json["key"].startswith("par_")
    body = server.sent("POST", "/v1/api-keys")[0].body
    assert body == {"name": "", "scopes": ["read", "submit"], "roles": [], "tenant_id": "acme"}


def test_a_person_sees_the_key_and_the_warning_goes_to_stderr(par: Par) -> None:
    outcome = par("key", "create", "--role", "viewer", "--name", "ci")

    assert "par_" in outcome.out
    assert "not shown again" in outcome.err
    assert "not shown again" not in outcome.out


def test_keys_of_all_tenants_are_listed_for_the_operator(par: Par, server: FakeServer) -> None:
    par("tenant", "create", "acme", "--name", "Acme")
    for tenant in ("default", "acme"):
        par("key", "create", "--tenant", tenant, "--role", "admin")

    assert [each["tenant_id"] for each in par("tenant", "list", "--json").json] == ["default", "acme"]
    assert [key["tenant_id"] for key in par("key", "list", "--json").json] == ["default", "acme"]
    assert [key["tenant_id"] for key in par("key", "list", "--tenant", "acme", "--json").json] == ["acme"]
    assert "key" not in par("key", "list", "--json").json[0]


def test_a_key_is_rotated_and_revoked_by_its_id(par: Par, server: FakeServer) -> None:
    key_id = par("key", "create", "--role", "admin", "--json").json["key_id"]

    assert par("key", "rotate", key_id, "--grace", "60", "--json").json["key"].startswith("par_")
    assert server.sent("POST", f"/v1/api-keys/{key_id}/rotate")[0].body == {"grace_seconds": 60}
    asked = par("key", "revoke", key_id)
    assert (asked.status, "--yes" in asked.err) == (1, True)
    assert par("key", "list", "--json").json[0]["status"] != "revoked"
    assert par("key", "revoke", key_id, "--yes").status == 0
    assert par("key", "list", "--json").json[0]["status"] == "revoked"


@pytest.mark.parametrize("arguments", [("--actor", "operator"), ("--action", "agent_created"), ("--object", "agent")])
def test_the_audit_log_is_filtered(par: Par, server: FakeServer, arguments: tuple[str, str]) -> None:
    outcome = par("audit", "list", *arguments, "--json")

    assert outcome.json[0]["action"] == "agent_created"
    name = {"--actor": "actor", "--action": "action", "--object": "object_kind"}[arguments[0]]
    assert server.sent("GET", "/v1/audit")[0].query[name] == [arguments[1]]
