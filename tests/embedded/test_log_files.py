"""Logs stay bounded while a program goes on writing to them."""

from pathlib import Path

from agent_runtime.embedded.log_files import EventLog, last_line, rotate


def test_a_full_log_moves_aside_under_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "worker-1.log"
    with path.open("ab", buffering=0) as writer:
        for number in range(6):
            writer.write(b"%d" % number * 100 + b"\n")
            assert rotate(path, largest_bytes=50, kept=2)
        writer.write(b"after\n")
    assert path.read_text() == "after\n"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["worker-1.log", "worker-1.log.1", "worker-1.log.2"]
    assert (tmp_path / "worker-1.log.1").read_text().startswith("5")


def test_a_small_log_stays(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    path.write_text("line\n\n")
    assert not rotate(path)
    assert last_line(path) == "line"


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    seen: list[str] = []
    EventLog(tmp_path / "missing" / "supervisor.log", seen.append).write("said")
    assert seen == ["said"]
