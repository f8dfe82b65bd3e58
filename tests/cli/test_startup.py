"""Help must answer at once, so it must not load what it does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "agent_runtime.api",
    "agent_runtime.client",
    "agent_runtime.embedded",
    "asyncio",
    "boto3",
    "fastapi",
    "httpx",
    "langchain",
    "langchain_core",
    "langgraph",
    "psycopg",
    "pydantic",
    "rich",
    "uvicorn",
    "yaml",
}
PROGRAM = """
import sys
from agent_runtime.cli.main import run
status = run({arguments!r})
print("\\n@" + " ".join(sys.modules))
sys.exit(status)
"""


def modules_loaded_by(*arguments: str, status: int = 0) -> set[str]:
    """The modules that a process has loaded after running one command line."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(arguments=list(arguments))],
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
        env={"PAR_URL": "http://127.0.0.1:9", "PAR_ENV_FILE": "", "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.returncode == status, done.stderr
    return set(done.stdout.rpartition("@")[2].split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["task", "--help"],
        ["task", "submit", "--help"],
        ["agent", "apply", "--help"],
        ["up", "--help"],
        ["demo", "--help"],
        ["doctor", "--help"],
    ],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert modules_loaded_by(*arguments) & HEAVY == set()


def test_the_list_of_verbs_does_not_even_load_typer() -> None:
    assert "typer" not in modules_loaded_by("--help")


def test_a_call_to_the_server_loads_no_server_code() -> None:
    loaded = modules_loaded_by("worker", "list", status=8)

    assert loaded & {"fastapi", "langchain_core", "langgraph", "psycopg", "uvicorn"} == set()
