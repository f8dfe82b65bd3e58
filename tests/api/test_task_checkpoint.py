"""A checkpoint as people read it: history, plan, files, other values, and what its step changed."""

import json
import zlib
from typing import Any

import httpx
import pytest

from agent_runtime.api.checkpoint_state import (
    NOTHING,
    Unreadable,
    changed_channels,
    read_state,
    readable_message,
    readable_state,
)
from tests.api.stand_in_worker import StandInWorker
from tests.support.tasks import TaskBook, calculation, script
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker, book, start_worker  # noqa: F401


def stored(channels: dict[str, Any]) -> tuple[bytes, int]:
    body = json.dumps({"f": {}, "c": channels, "m": {}}).encode()
    return body, zlib.crc32(body) - (1 << 32 if zlib.crc32(body) >= 1 << 31 else 0)


async def finished(book: TaskBook, start_worker: StartWorker, text: str) -> str:  # noqa: F811
    task_id = book.submit(text)

    async def ended() -> bool:
        return bool(book.task(task_id)["status"] == "completed")

    async with start_worker():
        await eventually(ended, "the task completes")
    return task_id


async def test_each_step_shows_its_state_and_what_it_added(
    api: httpx.AsyncClient,
    book: TaskBook,  # noqa: F811
    start_worker: StartWorker,  # noqa: F811
) -> None:
    task_id = await finished(book, start_worker, script(calculation("6*7"), {"text": "It is 42."}))
    steps = (await api.get(f"/v1/tasks/{task_id}/checkpoints")).json()["items"]
    details = [(await api.get(f"/v1/tasks/{task_id}/checkpoints/{step['checkpoint_id']}")).json() for step in steps]
    for step, detail in zip(steps, details, strict=True):
        assert {name: detail[name] for name in step} == step
        assert detail["problem"] is None
    roles = [[message["role"] for message in detail["state"]["messages"]] for detail in details]
    assert roles[-1] == ["user", "assistant", "tool", "assistant"]
    added = [[message["role"] for message in detail["difference"]["messages_added"]] for detail in details]
    assert [role for step in added for role in step] == roles[-1]
    assert added[-1] == ["assistant"]
    assert details[-1]["difference"]["parent_checkpoint_id"] == details[-2]["checkpoint_id"]
    last = details[-1]["state"]["messages"]
    assert last[1]["tool_calls"][0]["name"] == "calculator"
    assert last[1]["tool_calls"][0]["args"] == {"expression": "6*7"}
    assert (last[2]["text"], last[2]["tool_call_id"]) == ("42", last[1]["tool_calls"][0]["id"])
    assert last[3]["text"] == "It is 42."


async def test_the_timeline_matches_a_result_with_its_call_and_says_how_long_it_took(
    api: httpx.AsyncClient,
    book: TaskBook,  # noqa: F811
    start_worker: StartWorker,  # noqa: F811
) -> None:
    task_id = await finished(book, start_worker, script(calculation("1+1"), {"text": "2"}))
    items = (await api.get(f"/v1/tasks/{task_id}/activity")).json()["items"]
    (call,) = [item for item in items if item["kind"] == "tool_call"]
    (result,) = [item for item in items if item["kind"] == "tool_result"]
    assert call["tool_call_id"] == result["tool_call_id"]
    assert (call["tool_name"], result["tool_name"], result["result"]) == ("calculator", "calculator", "2")
    assert result["duration_ms"] is not None


async def test_a_long_history_comes_newest_first_page_by_page(
    api: httpx.AsyncClient, task: str, worker: StandInWorker
) -> None:
    await worker.claim()
    identifier = "019af0d0-0000-7000-8000-000000000001"
    body, checksum = stored({"messages": ["m", [[0, 10_000]]]})
    worker.execute(
        "insert into par.messages (tenant_id, task_id, namespace, sequence, checksum, body)"
        " select 'default', %s, '', n, 0,"
        ' convert_to(\'{"type":"human","content":"turn \' || n || \'"}\', \'UTF8\') from generate_series(0, 9999) n',
        task,
    )
    worker.execute(
        "insert into par.checkpoints (tenant_id, task_id, namespace, checkpoint_id, attempt, run_number, step_number,"
        " state, checksum, created_at) values ('default', %s, '', %s, 1, 1, 1, %s, %s, par.now())",
        task, identifier, body, checksum,
    )  # fmt: skip
    path = f"/v1/tasks/{task}/checkpoints/{identifier}"
    page = (await api.get(path)).json()
    assert page["state"]["message_count"] == 10_000
    assert [message["text"] for message in page["state"]["messages"]] == [f"turn {n}" for n in range(9_800, 10_000)]
    assert page["difference"]["messages_added_count"] == 10_000
    earlier = (await api.get(f"{path}?limit=3&cursor={page['next_cursor']}")).json()
    assert [message["text"] for message in earlier["state"]["messages"]] == [f"turn {n}" for n in (9_797, 9_798, 9_799)]


async def test_a_state_that_was_tampered_with_is_told_and_not_shown(
    api: httpx.AsyncClient, task: str, worker: StandInWorker
) -> None:
    await worker.claim()
    identifier = "019af0d0-0000-7000-8000-000000000001"
    worker.execute(
        "insert into par.checkpoints (tenant_id, task_id, namespace, checkpoint_id, attempt, run_number, step_number,"
        " state, checksum, created_at) values ('default', %s, '', %s, 1, 1, 1, 'x', 1, par.now())",
        task, identifier,
    )  # fmt: skip
    detail = (await api.get(f"/v1/tasks/{task}/checkpoints/{identifier}")).json()
    assert (detail["state"], detail["difference"]) == (None, None)
    assert "changed after" in detail["problem"]


@pytest.mark.parametrize("checkpoint_id", ["019af0d0-0000-7000-8000-00000000000f", "no-id"])
async def test_a_checkpoint_that_is_not_there_is_not_found(
    api: httpx.AsyncClient, task: str, checkpoint_id: str
) -> None:
    assert (await api.get(f"/v1/tasks/{task}/checkpoints/{checkpoint_id}")).status_code == 404


def test_plan_files_and_other_values_have_their_places() -> None:
    state = read_state(
        *stored(
            {
                "messages": ["m", [[0, 2], [5, 1]]],
                "todos": ["i", [{"content": "look", "status": "pending"}]],
                "files": ["c", "7"],
                "seen": ["i", {"$": "set", "v": [1, {"$": "ref", "message": 3}]}],
                "branch:to:model": ["i", None],
            }
        )
    )
    shown = readable_state(state, {("files", "7"): b'{"a.txt": "text"}'}, [])
    assert shown["message_count"] == 3
    assert shown["plan"] == [{"content": "look", "status": "pending"}]
    assert shown["files"] == {"a.txt": "text"}
    assert shown["values"] == {"seen": [1, {"message": 3}]}


def test_a_changed_value_is_shown_before_and_after() -> None:
    before = read_state(*stored({"files": ["c", "1"], "count": ["i", 1], "same": ["i", 0]}))
    after = read_state(*stored({"files": ["c", "2"], "same": ["i", 0], "new": ["i", True]}))
    bodies = {("files", "1"): b'{"a": "1"}', ("files", "2"): b'{"a": "2"}'}
    assert changed_channels(after, before, bodies) == [
        {"channel": "count", "before": 1, "after": None},
        {"channel": "files", "before": {"a": "1"}, "after": {"a": "2"}},
        {"channel": "new", "before": None, "after": True},
    ]
    assert changed_channels(before, NOTHING, bodies)[0]["before"] is None


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    message = readable_message(4, json.dumps({"type": "tool", "content": "é" * 10_000, "status": "error"}).encode())
    assert message["truncated_bytes"] == 20_000 - 8_192
    assert (message["role"], message["is_error"], message["sequence"]) == ("tool", True, 4)


@pytest.mark.parametrize("channels", [{"messages": ["m", [[0, 10**9]]]}, []])
def test_a_state_of_an_unknown_shape_is_refused(channels: Any) -> None:
    with pytest.raises(Unreadable):
        _ = read_state(*stored(channels)).message_sequences
