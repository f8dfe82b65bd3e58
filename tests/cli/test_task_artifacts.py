"""Files go up and come down with `par`, against a server of its own."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_runtime.cli.main import run
from tests.cli.conftest import Outcome
from tests.support.memory import watched_memory
from tests.support.processes import ApiProcess, fleet
from tests.support.tasks import TaskBook

MEGABYTE = 1_048_576
pytestmark = pytest.mark.timeout(60)
Par = Callable[..., Outcome]


@pytest.fixture
def api(database_url: str, tmp_path: Path) -> Iterator[ApiProcess]:
    """A server whose agent `coder` takes files."""
    book = TaskBook(database_url)
    book.add_agent("coder", config={"sandbox": {"enabled": True}})
    book.add_agent("talker")
    with fleet(database_url, tmp_path, PAR_DATA_DIR=str(tmp_path / "server")) as ours:
        yield ours.api()


@pytest.fixture
def par(api: ApiProcess, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Par:
    """Runs one command line against it."""
    monkeypatch.setenv("PAR_URL", api.base_url)

    def call(*arguments: str) -> Outcome:
        capfdbinary.readouterr()
        status = run(list(arguments))
        captured = capfdbinary.readouterr()
        return Outcome(status, captured.out.decode("latin-1"), captured.err.decode())

    return call


def test_files_go_up_are_listed_and_come_down(par: Par, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("über.txt").write_text("Grüße")
    Path("data.bin").write_bytes(bytes(range(256)) * 4_096)
    outcome = par("task", "submit", "coder", "Mend it", "--file", "über.txt", "--file", "data.bin")
    assert outcome.status == 0, outcome.err
    task_id = outcome.out.strip()

    listed = json.loads(par("task", "artifacts", task_id, "--json").out.encode("latin-1"))
    assert [each["filename"] for each in listed] == ["data.bin", "über.txt"]
    assert "data.bin" in par("task", "artifacts", task_id).out

    assert par("task", "artifacts", task_id, "data.bin", "--direction", "input", "-o", "back.bin").status == 0
    assert Path("back.bin").read_bytes() == Path("data.bin").read_bytes()
    assert par(
        "task", "artifacts", task_id, "über.txt", "--direction", "input", "-o", "-"
    ).out == "Grüße".encode().decode("latin-1")


def test_what_goes_wrong_is_one_line_and_leaves_no_file(
    par: Par, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("x")
    missing = par("task", "submit", "coder", "Mend it", "--file", "nothing.txt")
    assert (missing.status, missing.err.strip()) == (
        1,
        "Error: Cannot read the file nothing.txt: No such file or directory.",
    )
    refused = par("task", "submit", "talker", "Mend it", "--file", "a.txt")
    assert refused.status != 0
    assert "has no sandbox" in refused.err
    task_id = par("task", "submit", "coder", "Mend it", "--file", "a.txt").out.strip()
    assert par("task", "artifacts", task_id, "b.txt", "-o", "b.txt").status != 0
    assert not Path("b.txt").exists()
    assert not Path("b.txt.part").exists()
    assert "-o" in par("task", "artifacts", task_id, "a.txt").err
    nowhere = par("task", "artifacts", task_id, "a.txt", "--direction", "input", "-o", "no/where.txt")
    assert "Cannot write" in nowhere.err


def test_a_large_file_passes_through_little_memory(
    par: Par, api: ApiProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Path("big.bin").open("wb") as file:
        file.writelines(bytes([number]) * MEGABYTE for number in range(50))
    Path("a.txt").write_text("x")
    par("task", "submit", "coder", "Warm up", "--file", "a.txt")
    with watched_memory(api.pid) as server, watched_memory() as growth:
        task_id = par("task", "submit", "coder", "Mend it", "--file", "big.bin").out.strip()
        assert par("task", "artifacts", task_id, "big.bin", "--direction", "input", "-o", "back.bin").status == 0
    digests = {hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in ("big.bin", "back.bin")}
    assert len(digests) == 1
    assert growth.highest < 20 * MEGABYTE
    assert server.highest < 20 * MEGABYTE
