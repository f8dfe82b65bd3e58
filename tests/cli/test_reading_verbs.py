"""Verbs that read what happened and what it cost, against the fake server."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.conftest import Par
from tests.cli.fake_server import FakeServer

SPAN: dict[str, Any] = {
    "since": "2026-01-02T00:00:00Z",
    "cost_microdollars": 1_500_000,
    "calls": 3,
    "unpriced_calls": 0,
    "input_tokens": 900,
    "output_tokens": 30,
    "by_model": [
        {
            "provider": "openai", "model": "gpt", "cost_microdollars": 1_500_000, "calls": 3, "unpriced_calls": 0,
            "input_tokens": 900, "output_tokens": 30,
        }
    ],
}  # fmt: skip
SPEND = {
    "agent_id": "research",
    "budget_max_per_task": None,
    "budget_max_per_hour": 5_000_000,
    "reserved_microdollars": 20_000,
    "paused_tasks": 2,
    "last_hour": SPAN,
    "today": SPAN,
    "last_30_days": {**SPAN, "unpriced_calls": 4},
}
STATS = {
    "from": "2026-01-01T00:00:00Z",
    "to": "2026-01-02T00:00:00Z",
    "bucket": "hour",
    "agent_id": None,
    "counts": {"queued": 7, "running": 2, "completed": 1_234, "dead_letter": 0},
    "queue": {
        "depth": 6, "scheduled": 1, "oldest_age_seconds": 12.5, "agents": [{"agent_id": "research", "queued": 6}],
    },
    "throughput": {
        "completed": 5, "dead_lettered": 1,
        "buckets": [
            {"starts_at": "2026-01-01T10:00:00Z", "completed": 5, "dead_lettered": 1, "calls": 9,
             "cost_microdollars": 140},
            {"starts_at": "2026-01-01T11:00:00Z", "completed": 0, "dead_lettered": 0, "calls": 0,
             "cost_microdollars": 0},
        ],
    },
    "spend": {"cost_microdollars": 140, "calls": 9},
}  # fmt: skip
ITEMS: list[dict[str, Any]] = [
    {"sequence": 1, "kind": "event", "event_type": "task_claimed", "worker_id": "w-2",
     "created_at": "2026-01-02T03:04:05Z", "text": "attempt 2: w-2 goes on where w-1 stopped"},
    {"sequence": 2, "kind": "tool_call", "tool_name": "calculator", "tool_args": {"expression": "6*7"},
     "created_at": "2026-01-02T03:04:05Z"},
    {"sequence": 3, "kind": "tool_result", "tool_name": "calculator", "result": "42\x1b[31m", "duration_ms": 1_500,
     "cost_microdollars": 140, "created_at": "2026-01-02T03:04:05Z"},
]  # fmt: skip
DETAIL: dict[str, Any] = {
    "checkpoint_id": "c-2", "parent_checkpoint_id": "c-1", "step_number": 2, "node_name": "model", "worker_id": "w-1",
    "cost_microdollars": 140, "created_at": "2026-01-02T03:04:05Z", "problem": None,
    "state": {"message_count": 9},
    "difference": {
        "messages_added_count": 4,
        "messages_added": [
            {"role": "assistant", "text": "Let me see.", "tool_name": None,
             "tool_calls": [{"name": "calculator", "args": {"expression": "6*7"}}]},
            {"role": "assistant", "text": "", "tool_name": None, "tool_calls": []},
        ],
        "messages_removed_count": 1,
        "channels_changed": [{"channel": "plan", "before": None, "after": ["look"]}],
    },
}  # fmt: skip


def test_spend_is_shown_against_the_budgets(par: Par, server: FakeServer) -> None:
    server.answers["/v1/agents/research/spend"] = SPEND
    shown = par("agent", "spend", "research").out
    assert "$1.50 of $5.00" in shown
    assert "no limit" in shown
    assert "4 calls of unknown price" in shown
    assert shown.count("openai/gpt") == 3
    assert json.loads(par("agent", "spend", "research", "--json").out) == SPEND


def test_stats_show_what_happened_and_leave_out_what_did_not(par: Par, server: FakeServer) -> None:
    server.answers["/v1/stats"] = STATS
    outcome = par("stats", "--agent", "research", "--from", "2026-01-01T00:00:00Z", "--bucket", "hour")
    assert "1,234 completed" in outcome.out
    assert "6 waiting, 1 for later" in outcome.out
    assert "T10:00" in outcome.out
    assert "T11:00" not in outcome.out
    (request,) = server.sent("GET", "/v1/stats")
    assert request.query == {"agent_id": ["research"], "from": ["2026-01-01T00:00:00Z"], "bucket": ["hour"]}


def test_the_timeline_tells_takeovers_calls_and_costs_and_no_control_characters(par: Par, server: FakeServer) -> None:
    task = server.add_task()
    server.answers[f"/v1/tasks/{task['task_id']}/activity"] = {"items": ITEMS, "next_cursor": None}
    shown = par("task", "activity", task["task_id"]).out
    assert "w-2 goes on where w-1 stopped" in shown
    assert '{"expression": "6*7"}' in shown
    assert "1.50 s" in shown
    assert "$0.00014" in shown
    assert "\x1b" not in shown


def test_events_and_checkpoints_are_tables_or_json(par: Par, server: FakeServer) -> None:
    task = server.add_task(checkpoints=[{**DETAIL, "duration_ms": 20, "input_tokens": 1_000, "output_tokens": 2}])
    event = {"sequence": 1, "event_type": "task_submitted", "status_before": None, "status_after": "queued",
             "created_at": "2026-01-02T03:04:05Z"}  # fmt: skip
    server.answers[f"/v1/tasks/{task['task_id']}/events"] = {"items": [event], "next_cursor": None}
    assert "task_submitted" in par("task", "events", task["task_id"]).out
    assert json.loads(par("task", "events", task["task_id"], "--json").out) == [event]
    assert "1,000" in par("task", "checkpoints", task["task_id"]).out


PAUSE = {
    "pause_reason": "budget_per_task", "spent_microdollars": 1_120, "budget_microdollars": 1_000,
    "clears": "raise the agent's budget_max_per_task",
}  # fmt: skip


def test_a_pause_names_its_limit_what_was_spent_and_how_it_clears(par: Par, server: FakeServer) -> None:
    task = server.add_task(status="paused", pause_reason="budget_per_task", pause_details=PAUSE)
    event = {"sequence": 3, "event_type": "task_paused", "created_at": "2026-01-02T03:04:05Z", "details": PAUSE}
    server.answers[f"/v1/tasks/{task['task_id']}/events"] = {"items": [event], "next_cursor": None}

    shown = par("task", "get", task["task_id"]).out

    assert "budget_per_task, $0.00112 spent of $0.001" in shown
    assert "raise the agent's budget_max_per_task" in shown
    assert "budget_per_task, $0.00112 spent of $0.001" in par("task", "events", task["task_id"]).out


def test_diff_shows_the_last_step_unless_one_is_named(par: Par, server: FakeServer) -> None:
    task = server.add_task(checkpoints=[{"checkpoint_id": "c-1"}, {"checkpoint_id": "c-2"}])
    server.answers[f"/v1/tasks/{task['task_id']}/checkpoints/c-2"] = DETAIL
    shown = par("task", "diff", task["task_id"]).out
    assert "+ model: Let me see." in shown
    assert "+ model\n" in shown
    assert "calls calculator" in shown
    assert "… and 2 more messages" in shown
    assert '+ plan: ["look"]' in shown
    assert par("task", "diff", task["task_id"], "c-2").out == shown


def test_diff_of_a_task_without_steps_is_one_line(par: Par, server: FakeServer) -> None:
    task = server.add_task(checkpoints=[])
    outcome = par("task", "diff", task["task_id"])
    assert outcome.status != 0
    assert "no checkpoint yet" in outcome.err


def test_a_worker_is_drained_by_its_id(par: Par, server: FakeServer) -> None:
    worker = {"worker_id": "w-1", "status": "draining", "running_tasks": 3}
    server.answers["/v1/workers/w-1/drain"] = worker
    assert "draining" in par("worker", "drain", "w-1").out
    assert len(server.sent("POST", "/v1/workers/w-1/drain")) == 1


def test_costs_are_a_row_for_each_group(par: Par, server: FakeServer) -> None:
    row = {
        "day": None, "agent_id": "research", "provider": "openai", "model": "gpt", "cost_microdollars": 1_500_000,
        "calls": 3, "unpriced_calls": 1, "input_tokens": 1000, "output_tokens": 20,
    }  # fmt: skip
    server.answers["/v1/costs"] = {"items": [row], "next_cursor": None}

    outcome = par("costs", "--by", "agent", "--by", "model", "--model", "openai/gpt", "--from", "2026-01-01")

    assert outcome.out.splitlines()[0].split() == ["AGENT", "MODEL", "COST", "CALLS", "TOKENS", "IN", "TOKENS", "OUT"]
    assert all(word in outcome.out for word in ("research", "openai/gpt", "$1.50", "1 calls of unknown price", "1,000"))
    query = server.sent("GET", "/v1/costs")[0].query
    asked = {name: query[name] for name in ("group_by", "provider", "model", "from")}
    assert asked == {"group_by": ["agent", "model"], "provider": ["openai"], "model": ["gpt"], "from": ["2026-01-01"]}
    assert par("costs", "--json").json == [row]
