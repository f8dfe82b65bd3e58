"""A task's sandbox: made when needed, paused while a person thinks, made again once, gone when the run is over."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_runtime.domain.errors import SandboxUnavailable
from agent_runtime.sandboxes.local import LocalSandbox, LocalSandboxes
from agent_runtime.sandboxes.sandbox import SandboxSpec
from agent_runtime.store.database import Row
from tests.contracts.test_local_sandbox import keeper_of
from tests.gates.conftest import Desk, call
from tests.support.tasks import TaskBook
from tests.support.waiting import eventually
from tests.worker.conftest import StartWorker

DONE = {"text": "done"}
TOOLS = ["sandbox_exec", "sandbox_read_file", "request_human_input", "dev_sleep", "export_sandbox_file"]


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Without its folder a keeper ends by itself, whatever the test has left."""
    yield tmp_path / "data"
    shutil.rmtree(tmp_path / "data", ignore_errors=True)


@pytest.fixture
def book(database_url: str) -> TaskBook:
    return TaskBook(database_url)


async def coder(desk: Desk, **sandbox: Any) -> None:
    await desk.agent(allowed_tools=TOOLS, sandbox={"enabled": True, "provider": "local", **sandbox})


def row_of(book: TaskBook, task_id: str) -> Row | None:
    rows = book.rows("select * from par.sandboxes where task_id = %(task_id)s", task_id=task_id)
    return rows[0] if rows else None


def run(call_id: str, command: str) -> dict[str, Any]:
    return call("sandbox_exec", call_id, command=command)


def folders(data_dir: Path, *, spare: bool = False) -> list[str]:
    """Those of tasks, or those that wait for one."""
    place = data_dir / "sandboxes"
    names = [folder.name for folder in place.iterdir()] if place.exists() else []
    return [name for name in names if name.startswith("spare-") == spare]


async def test_a_sandbox_is_made_at_first_need_and_gone_after_the_run(
    desk: Desk, start_worker: StartWorker, book: TaskBook, data_dir: Path
) -> None:
    await coder(desk)
    async with start_worker(data_dir=data_dir):
        idle = await desk.submit(DONE)
        await desk.reaches(idle, "completed")
        assert row_of(book, idle) is None
        task_id = await desk.submit(run("one", "echo hello > file; sleep 900 &"), run("two", "cat file"), DONE)
        await desk.reaches(task_id, "completed")
        assert (await desk.results(task_id))[1] == "exit code: 0\nstdout:\nhello"

        async def ended() -> bool:
            return (row_of(book, task_id) or {}).get("state") == "ended" and folders(data_dir) == []

        await eventually(ended, "the sandbox is destroyed")


async def test_a_sandbox_is_prepared_when_a_task_begins_and_ends_with_its_worker_if_unused(
    desk: Desk, start_worker: StartWorker, data_dir: Path
) -> None:
    await coder(desk)
    async with start_worker(data_dir=data_dir):
        await desk.reaches(await desk.submit(DONE), "completed")

        async def prepared() -> bool:
            return len(folders(data_dir, spare=True)) == 1

        await eventually(prepared, "one is prepared")
        assert folders(data_dir) == []

    async def ended() -> bool:
        return folders(data_dir, spare=True) == []

    await eventually(ended, "the unused one ends")


async def test_a_waiting_task_pauses_its_sandbox_and_finds_it_again(
    desk: Desk, start_worker: StartWorker, book: TaskBook, data_dir: Path
) -> None:
    await coder(desk)
    asked = call("request_human_input", "ask", prompt="Go on?")
    async with start_worker(data_dir=data_dir):
        task_id = await desk.submit(run("one", "echo kept > file"), asked, run("two", "cat file"), DONE)
        await desk.reaches(task_id, "waiting_for_input")
        waiting = row_of(book, task_id)
        assert waiting is not None
        assert (waiting["state"], waiting["files"]) == ("paused", 1)
    async with start_worker("worker-2", data_dir=data_dir):
        await desk.act(task_id, "respond", message="yes")
        await desk.reaches(task_id, "completed")
    assert (await desk.results(task_id))[-1] == "exit code: 0\nstdout:\nkept"


async def test_a_sandbox_that_comes_back_half_empty_is_made_again_and_the_model_is_told(
    desk: Desk, start_worker: StartWorker, book: TaskBook, data_dir: Path
) -> None:
    await coder(desk)
    asked = call("request_human_input", "ask", prompt="Go on?")
    async with start_worker(data_dir=data_dir):
        task_id = await desk.submit(run("one", "touch a b c"), asked, run("two", "ls"), DONE)
        await desk.reaches(task_id, "waiting_for_input")
        (data_dir / "sandboxes" / folders(data_dir)[0] / "home" / "b").unlink()
        await desk.act(task_id, "respond", message="yes")
        await desk.reaches(task_id, "completed")
    assert "has been made again" in (await desk.results(task_id))[-1]
    assert (await desk.results(task_id))[-1].endswith("(no output)")


async def test_a_lost_sandbox_is_made_again_once_with_what_was_exported(
    desk: Desk, start_worker: StartWorker, book: TaskBook, data_dir: Path
) -> None:
    await coder(desk)
    wait = call("dev_sleep", "wait", seconds=2)
    export = call("export_sandbox_file", "export", path="out/report.txt")
    async with start_worker(data_dir=data_dir):
        task_id = await desk.submit(
            run("one", "mkdir out; echo report > out/report.txt; echo gone > gone"),
            export, wait, run("two", "cat out/report.txt; ls"), {**wait, "id": "wait-2"}, run("three", "true"), DONE,
        )  # fmt: skip
        await lose(desk, task_id, data_dir, results=2)
        await lose(desk, task_id, data_dir, results=4)
        task = await desk.reaches(task_id, "dead_letter")
    results = await desk.results(task_id)
    assert "has been made again" in results[3]
    assert results[3].endswith("report\nout")
    assert (task["dead_letter_reason"], task["last_error_code"]) == ("sandbox_lost", "sandbox_error")


async def lose(desk: Desk, task_id: str, data_dir: Path, *, results: int) -> None:
    async def there() -> bool:
        return len(await desk.results(task_id)) == results

    await eventually(there, f"the task has {results} results")
    shutil.rmtree(data_dir / "sandboxes" / folders(data_dir)[0])


async def test_a_sandbox_that_cannot_be_had_ends_the_task_with_the_reason(
    desk: Desk, start_worker: StartWorker, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await coder(desk)
    tried = []

    async def refuse(*arguments: Any) -> None:
        tried.append(arguments)
        raise SandboxUnavailable("no room")

    monkeypatch.setattr(LocalSandboxes, "create", refuse)
    async with start_worker(data_dir=data_dir):
        task_id = await desk.submit(run("one", "true"), DONE)
        task = await desk.reaches(task_id, "dead_letter")
    assert (task["dead_letter_reason"], task["last_error_code"]) == ("sandbox_provision_failed", "sandbox_error")
    assert "no room" in task["last_error_message"]
    assert len(tried) == 3


async def test_the_sandbox_of_a_cancelled_task_is_swept(
    desk: Desk, start_worker: StartWorker, book: TaskBook, data_dir: Path
) -> None:
    await coder(desk)
    async with start_worker(data_dir=data_dir):
        task_id = await desk.submit(run("one", "echo > begun; sleep 600"), DONE)

        async def begun() -> bool:
            return any((data_dir / "sandboxes" / name / "home" / "begun").exists() for name in folders(data_dir))

        await eventually(begun, "the command runs")
        await desk.act(task_id, "cancel")

        async def swept() -> bool:
            return (row_of(book, task_id) or {}).get("state") == "ended" and folders(data_dir) == []

        await eventually(swept, "the sandbox is destroyed", seconds=15)


async def test_the_last_worker_leaves_no_sandbox_of_an_ended_task_and_those_of_others_alone(
    desk: Desk, start_worker: StartWorker, book: TaskBook, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only the sweep at the worker's end is to find it.
    monkeypatch.setattr("agent_runtime.worker.sandboxes._SETTLING_SECONDS", 600.0)
    await coder(desk)
    asked = call("request_human_input", "ask", prompt="Go on?")
    async with start_worker(data_dir=data_dir):
        waiting = await desk.submit(run("one", "echo kept > file"), asked, run("two", "cat file"), DONE)
        await desk.reaches(waiting, "waiting_for_input")
        ended = await desk.submit(run("one", "true"), asked, DONE)
        await desk.reaches(ended, "waiting_for_input")
        await desk.act(ended, "cancel")
        assert len(folders(data_dir)) == 2
    assert (row_of(book, ended) or {})["state"] == "ended"
    assert folders(data_dir) == [(row_of(book, waiting) or {})["sandbox_id"]]
    async with start_worker("worker-2", data_dir=data_dir):
        await desk.act(waiting, "respond", message="yes")
        await desk.reaches(waiting, "completed")
    assert (await desk.results(waiting))[-1] == "exit code: 0\nstdout:\nkept"


async def test_a_sandbox_that_does_not_answer_holds_no_worker_up_and_stays_to_be_ended(
    desk: Desk, start_worker: StartWorker, book: TaskBook, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_runtime.worker.sandboxes._SETTLING_SECONDS", 600.0)
    await coder(desk)
    with contextlib.ExitStack() as thaw:
        async with start_worker(data_dir=data_dir):
            task_id = await desk.submit(run("one", "true"), call("request_human_input", "ask", prompt="?"), DONE)
            await desk.reaches(task_id, "waiting_for_input")
            keeper = keeper_of(LocalSandbox(data_dir / "sandboxes" / folders(data_dir)[0], 1, SandboxSpec()))
            os.kill(keeper, signal.SIGSTOP)
            thaw.callback(os.kill, keeper, signal.SIGCONT)
            await desk.act(task_id, "cancel")
            left = time.monotonic()
        # It would be asked for 30 s.
        assert time.monotonic() - left < 20
        assert (row_of(book, task_id) or {})["state"] == "ending"
    monkeypatch.setattr("agent_runtime.worker.sandboxes._SETTLING_SECONDS", 0.1)

    async def ended() -> bool:
        return (row_of(book, task_id) or {})["state"] == "ended" and folders(data_dir) == []

    async with start_worker("worker-2", data_dir=data_dir):
        await eventually(ended, "another worker ends it", seconds=15)


async def test_a_follow_up_has_a_new_sandbox_and_is_told(desk: Desk, start_worker: StartWorker, data_dir: Path) -> None:
    await coder(desk)
    async with start_worker(data_dir=data_dir):
        task_id = await desk.submit(run("one", "echo > file"), DONE, run("two", "ls"), DONE)
        await desk.reaches(task_id, "completed")
        await desk.act(task_id, "follow-up", message="again")

        async def second() -> bool:
            return len(await desk.results(task_id)) == 2

        await eventually(second, "the second run uses its sandbox")
    assert "This run has a new sandbox" in (await desk.results(task_id))[1]


async def test_an_agent_with_a_sandbox_leaves_files_behind_by_exporting_them_only(
    desk: Desk, start_worker: StartWorker, book: TaskBook, data_dir: Path
) -> None:
    await desk.agent(allowed_tools=["create_text_artifact", "sandbox_exec"], sandbox={"enabled": True})
    async with start_worker(data_dir=data_dir):
        task_id = await desk.submit(call("create_text_artifact", "one", filename="a.md", content="x"), DONE)
        await desk.reaches(task_id, "completed")
    assert "create_text_artifact is not a valid tool" in (await desk.results(task_id))[0]
    assert book.rows("select * from par.artifacts where task_id = %(task_id)s", task_id=task_id) == []


async def test_an_agent_whose_sandbox_cannot_work_here_is_not_saved(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_runtime.sandboxes.bubblewrap.program", lambda: None)
    body = {"agent_id": "a", "agent_config": {"provider": "scripted", "model": "default", "sandbox": {"enabled": True}}}

    answer = await desk.api.post("/v1/agents", json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", "agent_config", "sandbox", "provider"]
    assert "bubblewrap is missing" in answer.json()["errors"][0]["msg"]
