"""The files of a task over HTTP: listed, shown in the task, downloaded and never opened."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from agent_runtime.artifacts.memory_objects import MemoryObjects
from agent_runtime.artifacts.task_artifacts import TaskArtifacts
from agent_runtime.store.database import Database
from tests.support.attempts import desk


@pytest.fixture
async def files(app: FastAPI, database_url: str, task: str) -> AsyncIterator[TaskArtifacts]:
    """The files of the queued task's first attempt, in the store of the API."""
    async with desk(database_url) as ours:
        claimed = (await ours.claim("worker-1"))[0].task
        objects = app.state.runtime.objects
        yield TaskArtifacts(ours.database, objects, claimed.tenant_id, task, claimed.run_number, claimed.attempt)


async def test_a_file_is_listed_and_shown_in_its_task(api: httpx.AsyncClient, files: TaskArtifacts, task: str) -> None:
    await files.save("report.md", None, b"# Well")
    [listed] = (await api.get(f"/v1/tasks/{task}/artifacts")).json()["items"]
    assert listed["filename"] == "report.md"
    assert set(listed) == {
        "artifact_id", "filename", "direction", "content_type", "size_bytes", "sha256", "created_at",
    }  # fmt: skip
    assert listed["sha256"] == hashlib.sha256(b"# Well").hexdigest()
    shown = (await api.get(f"/v1/tasks/{task}")).json()["artifacts"]
    row = (await api.get("/v1/tasks")).json()["items"][0]["artifacts"]
    assert [{**each, "created_at": None} for each in shown] == [{**listed, "created_at": None}]
    assert row == shown


async def test_a_list_goes_on_where_its_page_ended(api: httpx.AsyncClient, files: TaskArtifacts, task: str) -> None:
    for number in range(5):
        await files.save(f"{number}.txt", None, b"x")
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (
            await api.get(f"/v1/tasks/{task}/artifacts", params={"limit": 2, "direction": "output", **cursor})
        ).json()
        names += [item["filename"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert names == ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt"]
    assert (await api.get(f"/v1/tasks/{task}/artifacts", params={"direction": "input"})).json()["items"] == []


@pytest.mark.parametrize(
    "name", ["plain.txt", "Übersicht 日本.txt", "a%2fb", "50% #1?.csv", "x\u202egpj.exe", "..hidden"]
)
async def test_a_download_has_the_bytes_and_is_an_attachment(
    name: str, api: httpx.AsyncClient, files: TaskArtifacts, task: str
) -> None:
    await files.save(name, None, b"some bytes")
    found = await api.get(f"/v1/tasks/{task}/artifacts/{quote(name, safe='')}", params={"direction": "output"})
    assert (found.status_code, found.content) == (200, b"some bytes")
    assert found.headers["content-disposition"].startswith("attachment;")
    assert found.headers["content-disposition"].endswith(f"filename*=UTF-8''{quote(name, safe='')}")
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert found.headers["content-length"] == "10"


INERT = {
    "application/octet-stream",
    "application/pdf",
    "application/x-tar",
    "application/zip",
    "text/plain; charset=utf-8",
}


def archive_of_a_link() -> bytes:
    """A tar whose only member leads out of wherever it is unpacked."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return packed.getvalue()


def archive_of_nothing_much() -> bytes:
    """A zip that is a thousand times as large once it is unpacked."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(20_000_000))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("42.zip", archive_of_nothing_much()),
        ("link.tar", archive_of_a_link()),
        ("paper.pdf", b"%PDF-1.4\n<html><script>alert(1)</script></html>"),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("picture.png", b"<!DOCTYPE html><script>alert(1)</script>"),
        # What every virus scanner knows, written backwards so that none takes this file away.
        ("test.com", b"*H+H$!ELIF-TSET-SURIVITNA-DRADNATS-RACIE$}7)CC7)^P(45XZP\\4[PA@%P!O5X"[::-1]),
    ],
)
async def test_a_hostile_file_is_kept_as_it_is_and_run_by_nobody(
    name: str, content: bytes, api: httpx.AsyncClient, files: TaskArtifacts, task: str
) -> None:
    await files.save(name, None, content)
    found = await api.get(f"/v1/tasks/{task}/artifacts/{name}")
    assert found.content == content
    assert found.headers["content-disposition"].startswith("attachment;")
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["content-type"] in INERT
    assert [each["filename"] for each in (await api.get(f"/v1/tasks/{task}/artifacts")).json()["items"]] == [name]


async def test_a_page_is_sent_as_bytes(api: httpx.AsyncClient, files: TaskArtifacts, task: str) -> None:
    await files.save("a.html", "text/html", b"<script>alert(1)</script>")
    found = await api.get(f"/v1/tasks/{task}/artifacts/a.html")
    assert found.headers["content-type"] == "application/octet-stream"


async def test_what_is_not_there_is_not_found(
    api: httpx.AsyncClient, files: TaskArtifacts, task: str, database_url: str
) -> None:
    await files.save("a.txt", None, b"x")
    other = "01900000-0000-7000-8000-000000000000"
    for path in (
        f"{task}/artifacts/b.txt",
        f"{task}/artifacts/a.txt?direction=input",
        f"{task}/artifacts/..%2f..%2fetc%2fpasswd",
        f"{task}/artifacts/%00",
        f"{other}/artifacts/a.txt",
        f"{other}/artifacts",
        "nothing/artifacts",
    ):
        answer = await api.get(f"/v1/tasks/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert (await api.get(f"/v1/tasks/{task}/artifacts/a.txt?direction=sideways")).status_code == 422


async def test_another_tenants_file_is_not_there(api: httpx.AsyncClient, files: TaskArtifacts, task: str) -> None:
    await files.save("a.txt", None, b"x")
    async with Database(files.database.url, "par_worker") as database, database.connection() as connection:
        await connection.execute("update par.artifacts set tenant_id = 'other'")
    assert (await api.get(f"/v1/tasks/{task}/artifacts/a.txt")).status_code == 404
    assert (await api.get(f"/v1/tasks/{task}")).json()["artifacts"] == []


async def test_a_store_that_is_away_is_503_with_a_time_to_come_back(
    app: FastAPI, api: httpx.AsyncClient, files: TaskArtifacts, task: str, tmp_path: Path
) -> None:
    await files.save("a.txt", None, b"x")
    down: Any = MemoryObjects()
    down.down = True
    object.__setattr__(app.state.runtime, "objects", down)
    answer = await api.get(f"/v1/tasks/{task}/artifacts/a.txt")
    assert (answer.status_code, answer.json()["code"]) == (503, "object_store_unavailable")
    assert int(answer.headers["retry-after"]) > 0
