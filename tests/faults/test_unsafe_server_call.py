"""`kill -9` in the middle of a call of a tool server: its own record shows one effect, and a person decides."""

from pathlib import Path

import pytest

from tests.faults.test_human_answers import asks, call_state, result_of
from tests.faults.test_kill_worker import completed
from tests.support.invariants import Expectation, check_everything
from tests.support.processes import Fleet
from tests.support.tasks import TaskBook, script
from tests.support.tool_server import running_tool_server
from tests.support.waiting import eventually_sync

pytestmark = [pytest.mark.serial, pytest.mark.timeout(120)]

PAY = {"tool": "crm__never", "args": {"amount": 5}, "id": "call-pay"}


async def test_a_call_whose_worker_dies_has_one_effect_and_waits_for_a_persons_word(
    system: Fleet, book: TaskBook, tmp_path: Path
) -> None:
    api, worker = system.api(loopback_targets="on"), system.worker(loopback_targets="on")
    with running_tool_server(tmp_path / "server") as server:
        server.tools("never")
        made = api.call("POST", "/v1/tool-servers", {"name": "crm", "url": server.url, "timeout_seconds": 60})
        assert made.status == 201, made.body
        config = {"provider": "scripted", "model": "default", "tool_servers": ["crm"]}
        assert api.call("POST", "/v1/agents", {"agent_id": "payer", "agent_config": config}).status == 201
        body = {"agent_id": "payer", "input": script(PAY, {"text": "paid"})}
        task_id = api.call("POST", "/v1/tasks", body).body["task_id"]
        eventually_sync(lambda: server.ledger("effect"), "the call has its effect", seconds=30)
        assert call_state(book, task_id) == "started"
        worker.kill()
        system.worker(loopback_targets="on")
        action = asks(api, task_id)
        assert (action["tool_name"], action["reason"]) == ("crm__never", "outcome_unknown")
        assert action["tool_args"] == {"amount": 5}
        answer = api.call("POST", f"/v1/tasks/{task_id}/approve", {"result": "the bank says that it was paid"})
        assert answer.status == 200
        eventually_sync(lambda: completed(book, [task_id]), "the task completes", seconds=30)
        effects = server.ledger("effect")
    assert [line["key"] for line in effects] == [f"{task_id}:call-pay"], "one effect, under the key of the call"
    assert result_of(book, task_id) == "the bank says that it was paid"
    await check_everything(book.url, Expectation([task_id]))
