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


def modules_loaded_by(*arguments: str) -> set[str]:
    program = PROGRAM.format(arguments=list(arguments))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=15, check=True)
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
    program = PROGRAM.format(arguments=["worker", "list"]).replace("sys.exit(status)", "")
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=15,
        check=True,
        env={"PAR_URL": "http://127.0.0.1:9", "PAR_ENV_FILE": "", "PYTHONPATH": ":".join(sys.path)},
    )
    loaded = set(done.stdout.rpartition("@")[2].split())
    assert loaded & {"fastapi", "langchain_core", "langgraph", "psycopg", "uvicorn"} == set()
