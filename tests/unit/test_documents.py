"""What the documents point to exists: files, tests, queries of their own repository; and they stay readable as text."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP = ("README.md", "AGENTS.md", "CLAUDE.md", "CHANGELOG.md", "CONTRIBUTING.md")
LONGEST_LINE = 160
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
_TEST = re.compile(r"\b(tests/[\w/]+\.py)::(\w+)")
_PATH = re.compile(r"`((?:src|tests|scripts|docs|benchmarks)/[\w./-]+\.\w+)[`:]")


def documents() -> list[Path]:
    return [*(ROOT / name for name in TOP), *sorted((ROOT / "docs").rglob("*.md"))]


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


@cache
def functions_of(file: Path) -> frozenset[str]:
    nodes = ast.walk(ast.parse(file.read_text()))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("file", documents(), ids=named)
def test_every_link_leads_somewhere(file: Path) -> None:
    assert [link for link in _LINK.findall(file.read_text()) if not (file.parent / link).exists()] == []


@pytest.mark.parametrize("file", documents(), ids=named)
def test_every_file_that_is_named_exists(file: Path) -> None:
    assert [path for path in _PATH.findall(file.read_text()) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("file", documents(), ids=named)
def test_every_test_that_is_cited_exists(file: Path) -> None:
    cited = _TEST.findall(file.read_text())
    missing = [f"{path}::{test}" for path, test in cited if not (ROOT / path).exists()]
    missing += [f"{path}::{test}" for path, test in cited if not missing and test not in functions_of(ROOT / path)]
    assert missing == []


@pytest.mark.parametrize("file", documents(), ids=named)
def test_no_line_of_prose_is_too_long(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("|")]
    assert [line for line in lines if len(line) > LONGEST_LINE] == []
