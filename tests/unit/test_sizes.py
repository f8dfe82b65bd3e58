"""The sizes and names that keep this code easy to read, as rules that a machine checks."""

import ast
import statistics
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "agent_runtime"
LONGEST_FILE = 400
LONGEST_FUNCTION = 80
MEDIAN_FUNCTION = 10
DOCSTRING_LINES = range(3, 9)
FORBIDDEN_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
CHECKED_FOLDERS = ("src", "tests", "benchmarks", "scripts", "infra")


def python_files(*folders: str) -> list[Path]:
    found = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    return sorted(file for file in found if "node_modules" not in file.parts and "cdk.out" not in file.parts)


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def functions(files: list[Path]) -> Iterator[tuple[str, int]]:
    for file in files:
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name}", lines


def test_no_file_is_too_long() -> None:
    lengths = {str(file.relative_to(ROOT)): file.read_text().count("\n") for file in python_files(*CHECKED_FOLDERS)}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_too_long() -> None:
    found = dict(functions(python_files(*CHECKED_FOLDERS)))
    assert {name: lines for name, lines in found.items() if lines > LONGEST_FUNCTION} == {}


def test_half_of_all_functions_fit_in_ten_lines() -> None:
    assert statistics.median(lines for _, lines in functions(python_files("src"))) <= MEDIAN_FUNCTION


def test_no_module_is_a_drawer_for_everything() -> None:
    files = [file for file in python_files(*CHECKED_FOLDERS) if {file.stem, file.parent.name} & FORBIDDEN_NAMES]
    assert files == []


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("__init__.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_each_package_says_what_it_is(file: Path) -> None:
    docstring = ast.get_docstring(tree(file)) or ""
    assert len(docstring.splitlines()) in DOCSTRING_LINES


def test_only_the_settings_read_the_environment() -> None:
    reading = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in python_files("src")
        if file != PACKAGE / "config.py"
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}
    ]
    assert reading == []
