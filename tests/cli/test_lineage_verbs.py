"""Verbs that move tasks on and bring configurations back, against the fake server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Par
from tests.cli.fake_server import FakeServer

CHECKPOINT = "1f0c2b9e-0000-6000-8000-000000000000"


def test_a_fork_sends_what_was_changed_and_nothing_else(par: Par, server: FakeServer, tmp_path: Path) -> None:
    task_id = server.add_task()["task_id"]
    (tmp_path / "prompt.txt").write_text("Be brief.")
    options = ["--model", "vllm/org/llama", "--tool", "calculator", "--tool", "web_search", "--no-asking"]

    assert par("task", "fork", task_id, CHECKPOINT).status == 0
    more = ["--input", "again", "--system-prompt", f"@{tmp_path}/prompt.txt"]
    assert par("task", "fork", task_id, CHECKPOINT, *options, *more).status == 0

    plain, changed = server.sent("POST", f"/v1/tasks/{task_id}/fork")
    assert plain.body == {"checkpoint_id": CHECKPOINT}
    assert plain.headers["idempotency-key"] != changed.headers["idempotency-key"]
    assert changed.body == {
        "checkpoint_id": CHECKPOINT,
        "input": "again",
        "asks_before_unsafe": False,
        "agent_config": {
            "provider": "vllm",
            "model": "org/llama",
            "system_prompt": "Be brief.",
            "allowed_tools": ["calculator", "web_search"],
        },
    }


def test_a_follow_up_prints_the_task_and_its_state(par: Par, server: FakeServer) -> None:
    task_id = server.add_task()["task_id"]

    outcome = par("task", "follow-up", task_id, "And now?")

    assert (outcome.status, outcome.out.split()[0]) == (0, task_id)
    assert server.sent("POST", f"/v1/tasks/{task_id}/follow-up")[0].body == {"message": "And now?"}


def test_a_redrive_names_its_checkpoint(par: Par, server: FakeServer) -> None:
    task_id = server.add_task(status="dead_letter")["task_id"]

    assert par("task", "redrive", task_id, "--from-checkpoint", CHECKPOINT, "--input", "x").status == 0

    sent = server.sent("POST", f"/v1/tasks/{task_id}/redrive")[0]
    assert sent.body == {"from_checkpoint_id": CHECKPOINT, "input": "x"}


def test_resume_takes_several_tasks(par: Par, server: FakeServer) -> None:
    ids = [server.add_task(status="paused")["task_id"] for _ in range(2)]

    assert par("task", "resume", *ids).status == 0

    assert [request.path for request in server.requests] == [f"/v1/tasks/{task_id}/resume" for task_id in ids]


def test_the_history_of_an_agent_is_listed_and_brought_back(par: Par, server: FakeServer) -> None:
    config = {"provider": "openai", "model": "gpt", "system_prompt": "Be\x1b[31m brief."}
    version = {"version": 1, "created_by": "anna", "created_at": "2026-01-02T03:04:05Z", "agent_config": config}
    server.agents["research"] = {"agent_id": "research", "versions": [version]}

    listed, restored = par("agent", "versions", "research"), par("agent", "restore", "research", "1")

    assert all(word in listed.out for word in ("anna", "openai/gpt", "brief."))
    assert "\x1b" not in listed.out
    assert restored.out.strip() == "research: version 1 is back, as version 2"


def test_an_agent_is_disabled_and_enabled(par: Par, server: FakeServer) -> None:
    server.agents["research"] = {"agent_id": "research", "status": "active"}

    assert par("agent", "disable", "research").out.strip() == "research is disabled"
    assert server.agents["research"]["status"] == "disabled"
    assert par("agent", "enable", "research").status == 0
    assert server.agents["research"]["status"] == "active"


def test_prices_are_dollars_and_arrive_as_microdollars(par: Par, server: FakeServer) -> None:
    changed = {"provider": "vllm", "model_id": "org/llama", "input_price": 250_000}
    server.answers |= {"/v1/models/vllm/org/llama": changed, "/v1/models/openai/gpt": changed}

    outcome = par("model", "set-price", "vllm/org/llama", "--input", "0.25", "--output", "2", "--context-window", "9")
    assert par("model", "set-price", "openai/gpt", "--forget").status == 0

    set_, forgotten = server.requests
    assert set_.path == "/v1/models/vllm/org/llama"
    assert set_.body == {"input_price": 250_000, "output_price": 2_000_000, "context_window": 9}
    assert "$0.25" in outcome.out
    assert forgotten.body == dict.fromkeys(("input_price", "output_price", "cache_read_price", "cache_write_price"))


@pytest.mark.parametrize("price", ["-1", "cheap", "0.0000001", "nan"])
def test_what_is_no_price_is_refused_before_it_is_sent(par: Par, server: FakeServer, price: str) -> None:
    outcome = par("model", "set-price", "openai/gpt", f"--input={price}")

    assert (outcome.status, server.requests) == (1, [])
    assert price in outcome.err
