"""What files may be called, and what kind a file is."""

import pytest

from agent_runtime.api.routes.artifact import content_disposition
from agent_runtime.domain.artifact import content_type_of, name_problem, served_type, shown


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "report.pdf",
        "Übersicht 2026.md",
        "日本語.txt",
        "con",
        "a..b",
        ".hidden",
        "%2e%2e%2f",
        "x" * 255,
        "a\u202egpj.exe",
    ],
)
def test_a_name_is_data(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../../etc/passwd", "/etc/passwd", "C:\\a", "a\0", "a\x1b[2J", "a\x7f", "x" * 5000, "\ud800"],
)
def test_a_path_is_no_name(name: str) -> None:
    assert name_problem(name) is not None


def test_characters_that_turn_text_are_shown_as_what_they_are() -> None:
    assert shown("invoice\u202efdp.exe") == "invoice\\u202efdp.exe"
    assert shown("a\u200bb\ufeff") == "a\\u200bb\\ufeff"
    assert shown("naïve.txt") == "naïve.txt"


@pytest.mark.parametrize(
    ("name", "head", "claimed", "kind"),
    [
        ("a.txt", b"hello", None, "text/plain"),
        ("a.txt", b"<!DOCTYPE html><script>", None, "text/html"),
        ("a.png", b"<svg onload=x>", "image/png", "image/svg+xml"),
        ("a.png", b"%PDF-1.7", "image/png", "application/pdf"),
        ("a.csv", b"\x00\x01", None, "application/octet-stream"),
        ("a", b"hello", None, "text/plain"),
        ("a", b"", None, "application/octet-stream"),
        ("a.bin", b"MZ\x90", "text/plain", "application/octet-stream"),
        ("a.docx", b"PK\x03\x04", None, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("a.csv", b"1,2", "application/vnd.ms-excel", "application/vnd.ms-excel"),
        ("a.csv", b"1,2", "text/html\r\nX: y", "text/csv"),
    ],
)
def test_the_kind_of_a_file_is_what_its_bytes_say_first(name: str, head: bytes, claimed: str | None, kind: str) -> None:
    assert content_type_of(name, head, claimed) == kind


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/xml", "text/javascript", "what/ever"])
def test_what_a_browser_could_run_is_served_as_bytes(kind: str) -> None:
    assert served_type(kind) == "application/octet-stream"


def test_a_download_has_a_plain_and_a_true_name() -> None:
    assert content_disposition('a"b\u202eü.txt') == (
        "attachment; filename=\"a_b__.txt\"; filename*=UTF-8''a%22b%E2%80%AE%C3%BC.txt"
    )
