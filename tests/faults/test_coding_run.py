"""A coding run in a local sandbox: its worker is killed twice on the way, and every command still runs once."""

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent_runtime.cli.demonstration import coding_play
from tests.support.invariants import Expectation, check_everything
from tests.support.processes import ApiProcess, Fleet
from tests.support.tasks import TaskBook
from tests.support.waiting import eventually_sync

pytestmark = pytest.mark.serial


@pytest.fixture
def api(system: Fleet, tmp_path: Path) -> Iterator[ApiProcess]:
    """The API of a system whose sandboxes end with the test."""
    system.environment["PAR_DATA_DIR"] = str(tmp_path / "data")
    yield system.api()
    shutil.rmtree(tmp_path / "data" / "sandboxes", ignore_errors=True)


def submit(api: ApiProcess, folder: Path) -> str:
    with coding_play.write_archive(folder).open("rb") as archive:
        request = json.dumps({"agent_id": coding_play.AGENT_ID, "input": coding_play.task_input()})
        answer = httpx.post(
            f"{api.base_url}/v1/tasks",
            files=[("task_request", (None, request, "application/json")), ("files", (coding_play.ARCHIVE, archive))],
        )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["task_id"])


def exported_patch(api: ApiProcess, task_id: str) -> str:
    return httpx.get(f"{api.base_url}/v1/tasks/{task_id}/artifacts/{coding_play.PATCH}?direction=output").text


def results(book: TaskBook, task_id: str) -> int:
    rows = book.rows(
        "select count(*) as n from par.events where task_id = %(task_id)s and kind = 'tool_result'",
        task_id=task_id,
    )
    return int(rows[0]["n"])


def has_results(book: TaskBook, task_id: str, number: int) -> bool:
    return results(book, task_id) >= number


def runner(book: TaskBook, task_id: str) -> str | None:
    rows = book.rows(
        "select worker_id from par.attempts where task_id = %(task_id)s and ended_at is null", task_id=task_id
    )
    return rows[0]["worker_id"] if rows else None


@pytest.mark.timeout(120)
async def test_a_bug_is_mended_in_a_sandbox_although_its_worker_is_killed_twice(
    system: Fleet, book: TaskBook, api: ApiProcess, tmp_path: Path
) -> None:
    made = api.call("POST", "/v1/agents", coding_play.agent())
    assert made.status == 201, made.body
    system.workers(3)
    task_id = submit(api, tmp_path)
    killed: list[str] = []
    for number in coding_play.KILLS:
        eventually_sync(partial(has_results, book, task_id, number), f"{number} results", seconds=40)
        working = eventually_sync(lambda: runner(book, task_id), "a worker runs the task") or ""
        system.named(working).kill()
        killed.append(working)
    eventually_sync(
        lambda: book.task(task_id)["status"] in ("completed", "dead_letter", "waiting_for_approval"),
        "the task ends",
        seconds=60,
    )

    task = book.task(task_id)
    assert task["status"] == "completed", task
    activity: Any = api.call("GET", f"/v1/tasks/{task_id}/activity").body
    shown = [item["result"] for item in activity["items"] if item["kind"] == "tool_result"]
    assert coding_play.commands_run(shown[-2]) == list(coding_play.COMMANDS)
    assert [("FAILED" in result) for result in shown if "Ran 1 test" in result] == [True, False]
    assert not [result for result in shown if "made again" in result]
    patch = exported_patch(api, task_id)
    assert "-    return sum(panel.watts for panel in panels) / hours" in patch
    assert "+    return sum(panel.watts for panel in panels) * hours" in patch
    assert len(set(killed)) == 2

    def gone() -> bool:
        left = [folder.name for folder in (tmp_path / "data" / "sandboxes").iterdir()]
        return len(left) <= 1 and all(name.startswith("spare-") for name in left)

    eventually_sync(gone, "the sandbox is gone, and what the killed workers had prepared; one worker lives")
    await check_everything(book.url, Expectation([task_id]))
