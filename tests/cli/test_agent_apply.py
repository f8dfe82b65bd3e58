"""`par agent apply`: the file decides, the difference is shown, nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent_runtime.cli.agent_documents import same_value
from tests.cli.conftest import Par
from tests.cli.fake_server import FakeServer

TWO_AGENTS = """
agent_id: research
display_name: Research
agent_config: {provider: scripted, model: priced, allowed_tools: [calculator]}
---
agent_id: review
agent_config: {provider: scripted, model: default}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "agents.yaml"
    path.write_text(TWO_AGENTS)
    return path


def test_agents_are_created_once(par: Par, server: FakeServer, file: Path) -> None:
    first = par("agent", "apply", "-f", str(file), "--json")
    second = par("agent", "apply", "-f", str(file), "--json")

    assert [answer["action"] for answer in first.json] == ["create", "create"]
    assert [answer["action"] for answer in second.json] == ["unchanged", "unchanged"]
    assert sorted(server.agents) == ["research", "review"]
    assert len([request for request in server.requests if request.method != "GET"]) == 2


def test_a_change_is_shown_and_what_the_file_leaves_out_stays(par: Par, server: FakeServer, file: Path) -> None:
    par("agent", "apply", "-f", str(file))
    server.agents["research"]["agent_config"]["temperature"] = 0.5
    server.agents["research"]["budget_max_per_task"] = 77
    file.write_text(TWO_AGENTS.replace("model: priced", "model: unpriced"))

    outcome = par("agent", "apply", "-f", str(file))

    assert '~ agent_config.model: "priced" -> "unpriced"' in outcome.out
    assert "review: no change" in outcome.out
    sent = server.sent("PUT", "/v1/agents/research")[0].body
    assert sent["agent_config"]["temperature"] == 0.5
    assert sent["agent_config"]["model"] == "unpriced"
    assert sent["budget_max_per_task"] == 77
    assert sent["version"] == 1


def test_null_is_a_value(par: Par, server: FakeServer, tmp_path: Path) -> None:
    server.agents["a"] = {"agent_id": "a", "agent_config": {}, "budget_max_per_task": 5}
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"agent_id": "a", "budget_max_per_task": None}]))

    par("agent", "apply", "-f", str(path))

    assert server.agents["a"]["budget_max_per_task"] is None


def test_a_dry_run_changes_nothing(par: Par, server: FakeServer, file: Path) -> None:
    outcome = par("agent", "apply", "-f", str(file), "--dry-run")

    assert "research: create" in outcome.out
    assert server.agents == {}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("display_name: x", "agent_id"),
        ("agent_id: a\ncolour: red", "colour"),
        ("- 5", "map"),
        ("agent_id: [unclosed", "YAML"),
        ("", "no agent"),
    ],
)
def test_a_wrong_file_is_one_line_and_nothing_is_sent(
    content: str, named: str, par: Par, server: FakeServer, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(content)

    outcome = par("agent", "apply", "-f", str(path))

    assert outcome.status == 1
    assert named in outcome.err
    assert outcome.err.count("\n") == 1
    assert server.requests == []


def test_equal_means_equal_as_json() -> None:
    assert same_value({"a": [1, 2.0]}, {"a": [1.0, 2]})
    assert not same_value(True, 1)
    assert not same_value([1], [1, 2])
    assert not same_value({"a": None}, {})
