"""The gate knows a call by its id, its tool and its arguments together."""

from typing import Any

import pytest

from agent_runtime.agent.tool_gate import PastCalls

CALL: dict[str, Any] = {"id": "call-1", "name": "pay", "args": {"amount": 5}}
ROW: dict[str, Any] = {"tool_call_id": "call-1", "tool_name": "pay", "arguments": {"amount": 5}, "body": b"x"}


def test_a_row_of_the_same_call_is_its_row() -> None:
    assert PastCalls.of([ROW], []).of_call(CALL) is ROW


@pytest.mark.parametrize("change", [{"id": "call-2"}, {"name": "refund"}, {"args": {"amount": 6}}])
def test_a_row_of_another_call_is_none_of_its_own(change: dict[str, Any]) -> None:
    assert PastCalls.of([ROW], []).of_call({**CALL, **change}) is None


def test_of_several_runs_the_last_row_counts() -> None:
    later = {**ROW, "body": b"later"}
    assert PastCalls.of([ROW, later], []).of_call(CALL) is later
