"""A task's input as given on the command line: the text itself, `-` for stdin, `@path` for a file."""

from __future__ import annotations

import sys
from pathlib import Path

from agent_runtime.cli.failure import CommandFailed


def read_input(argument: str) -> str:
    """The text that the argument stands for; `@@…` is a text that begins with `@`."""
    if argument == "-":
        return _decoded(sys.stdin.buffer.read(), "stdin")
    if argument.startswith("@@"):
        return argument[1:]
    return _decoded(_bytes_of(Path(argument[1:])), argument[1:]) if argument.startswith("@") else argument


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandFailed(f"Cannot read the input file {path}: {error.strerror}.") from error


def _decoded(content: bytes, source: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CommandFailed(f"The input from {source} is not UTF-8 text (byte {error.start}).") from error


def read_labels(pairs: list[str]) -> dict[str, str]:
    """`["team=search"]` as a map."""
    labels = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise CommandFailed(f"--label {pair!r} is not of the form name=value.")
        labels[name] = value
    return labels
