"""Every verb explains itself, with examples, and a mistyped one gets a hint."""

from __future__ import annotations

from typing import Any

import pytest

from agent_runtime.cli.verb_table import ROOT, Verb, VerbFamily
from tests.cli.conftest import Par

VERBS = [
    (*path, verb)
    for entry in ROOT
    for path, verbs in [((entry.name,), entry.verbs) if isinstance(entry, VerbFamily) else ((), (entry,))]
    for verb in verbs
]


def _words(path: Any) -> list[str]:
    return [part.name if isinstance(part, Verb) else part for part in path]


@pytest.mark.parametrize("path", VERBS, ids=lambda path: " ".join(_words(path)))
def test_every_verb_has_help_with_examples_and_json(path: Any, par: Par) -> None:
    outcome = par(*_words(path), "--help")

    assert outcome.status == 0
    assert "Examples:" in outcome.out
    assert f"par {' '.join(_words(path))}" in outcome.out
    # What `mcp serve` prints is a protocol.
    assert "--json" in outcome.out or _words(path) == ["mcp", "serve"]


def test_the_first_page_names_every_verb_and_every_exit_status(par: Par) -> None:
    page = par("--help").out

    for entry in ROOT:
        assert f"  {entry.name} " in page
    for status in (0, 1, 2, 3, 4, 5, 6, 7, 8, 130):
        assert f"{status} " in page


def test_par_alone_shows_the_first_page(par: Par) -> None:
    assert par().out == par("--help").out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["taks", "list"], "`par task`"),
        (["task", "sumbit"], "`par task submit`"),
        (["dead-leter"], "`par dead-letter`"),
        (["scale"], "`par scale-worker`"),
    ],
)
def test_a_mistyped_verb_gets_the_right_one_suggested(arguments: list[str], hint: str, par: Par) -> None:
    outcome = par(*arguments)

    assert outcome.status == 1
    assert f"Did you mean {hint}" in outcome.err
    assert outcome.out == ""


def test_a_verb_like_nothing_points_to_help(par: Par) -> None:
    assert "`par --help`" in par("zzz").err


def test_a_missing_argument_is_one_line_and_status_1(par: Par) -> None:
    outcome = par("task", "get")

    assert outcome.status == 1
    assert outcome.err.count("\n") == 1
    assert "TASK_ID" in outcome.err


def test_an_unknown_option_is_one_line_and_status_1(par: Par) -> None:
    outcome = par("task", "list", "--nope")

    assert outcome.status == 1
    assert "--nope" in outcome.err
    assert outcome.err.count("\n") == 1


def test_usage_errors_are_json_too_when_asked(par: Par) -> None:
    outcome = par("task", "get", "--json")

    assert outcome.status == 1
    assert outcome.json["error"]["code"] == "usage"
