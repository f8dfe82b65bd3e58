"""Whatever a tool does, the model gets one bounded result and the task goes on."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.tools import registry
from tests.support.tasks import TaskBook, script
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker

SLEEP = {"tool": "dev_sleep", "args": {"seconds": 0}, "id": "call-1"}
TOOLS = ["dev_sleep", "recall_tool_result", "create_text_artifact"]


def tool(monkeypatch: pytest.MonkeyPatch, run: Callable[[float], Awaitable[Any]]) -> None:
    """Let `dev_sleep` do something else."""
    monkeypatch.setitem(registry._RUN, "dev_sleep", run)


async def finished(book: TaskBook, start_worker: StartWorker, *turns: dict[str, Any], **settings: Any) -> list[str]:
    """Run a task of these turns to its completion; its tool results in order."""
    book.add_agent("tools", config={"allowed_tools": TOOLS})
    task_id = book.submit(script(*turns, {"text": "done"}), agent_id="tools")

    async def completed() -> bool:
        return bool(book.task(task_id)["status"] in ("completed", "dead_letter"))

    async with start_worker(**settings):
        await eventually(completed, "the task ends", seconds=15)
    assert book.task(task_id)["status"] == "completed", book.task(task_id)["last_error_message"]
    rows = book.rows("select body from par.messages order by sequence")
    messages = [json.loads(bytes(row["body"]).decode("utf-8", "surrogatepass")) for row in rows]
    return [message["content"] for message in messages if "tool_call_id" in message]


async def test_a_long_result_is_kept_and_read_in_pieces(
    book: TaskBook, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = "".join(f"line {number}\n" for number in range(10_000))

    async def long(seconds: float) -> str:
        return whole

    tool(monkeypatch, long)
    recall = {"tool": "recall_tool_result", "args": {"tool_call_id": "call-1", "offset": 20_000, "limit": 20_000}}
    short, piece = await finished(book, start_worker, SLEEP, recall)
    assert len(short) <= 25 * 1024
    assert short.startswith("line 0\n")
    assert short.endswith("line 9999\n")
    assert "recall_tool_result(tool_call_id='call-1', offset=12544)" in short
    assert piece.startswith(whole[20_000:39_900])
    assert piece.endswith(f"[bytes 20000 to 40000 of {len(whole)}; go on with offset 40000]")


async def test_a_huge_line_is_kept_as_far_as_there_is_room(
    book: TaskBook, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def huge(seconds: float) -> str:
        return "x" * 100_000_000

    tool(monkeypatch, huge)
    [short] = await finished(book, start_worker, SLEEP)
    assert len(short) <= 25 * 1024
    assert "of 100000000" in short
    [kept] = book.rows("select length(body) as size, left_out_bytes from par.tool_results")
    assert kept == {"size": 4 * 1_048_576, "left_out_bytes": 100_000_000 - 4 * 1_048_576}


async def test_a_tool_that_never_returns_is_stopped_at_its_deadline(
    book: TaskBook, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = asyncio.Event()

    async def hangs(seconds: float) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return ""

    tool(monkeypatch, hangs)
    [result] = await finished(book, start_worker, SLEEP, tool_timeout_seconds=0.3)
    assert "did not finish within 0.3 s" in result
    assert stopped.is_set()


async def test_a_tool_that_raises_gives_its_error(
    book: TaskBook, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = iter([ValueError("bad\x00 value \ud800"), TimeoutError("its own"), KeyError("x"), RecursionError()])

    async def raises(seconds: float) -> str:
        raise next(errors)

    tool(monkeypatch, raises)
    calls = [{**SLEEP, "id": f"call-{number}"} for number in range(4)]
    results = await finished(book, start_worker, *calls)
    assert [result.split(":")[0] for result in results] == ["ValueError", "TimeoutError", "KeyError", "RecursionError"]


async def test_a_tool_may_return_anything(
    book: TaskBook, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([None, 7, b"\x00\xff", {"a": {1, 2}}, object(), "\ud800 half", float("nan")])

    async def returns(seconds: float) -> Any:
        return next(values)

    tool(monkeypatch, returns)
    calls = [{**SLEEP, "id": f"call-{number}"} for number in range(7)]
    results = await finished(book, start_worker, *calls)
    assert len(results) == 7
    assert results[1] == "7"


async def test_a_text_becomes_a_file_and_a_wrong_name_an_error(
    book: TaskBook, start_worker: StartWorker, tmp_path: Path
) -> None:
    turns = [
        {"tool": "create_text_artifact", "args": {"filename": "report.md", "content": "# Wëll"}, "id": "call-1"},
        {"tool": "create_text_artifact", "args": {"filename": "../x", "content": "y"}, "id": "call-2"},
    ]
    saved, refused = await finished(book, start_worker, *turns, data_dir=tmp_path)
    assert saved == "Saved 'report.md' (7 bytes, text/markdown) as a file of this task."
    assert "must not hold a slash" in refused
    [row] = book.rows("select filename, direction, tool_call_id, size_bytes from par.artifacts")
    assert row == {"filename": "report.md", "direction": "output", "tool_call_id": "call-1", "size_bytes": 7}
    assert len([path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]) == 1


async def test_an_object_store_that_is_away_does_not_end_the_task(
    book: TaskBook, start_worker: StartWorker, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    call = {"tool": "create_text_artifact", "args": {"filename": "a.md", "content": "x"}}
    [result] = await finished(book, start_worker, call, data_dir=tmp_path / "file")
    assert "could not be opened" in result
