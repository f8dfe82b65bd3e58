"""Asks before something that is hard to take back."""

from __future__ import annotations

import sys

from agent_runtime.cli.failure import CommandFailed


def confirm(question: str, yes: bool) -> None:
    """Go on only after a yes. Without a terminal there is nobody to ask, so `--yes` is needed there.

    Raises:
        CommandFailed: the answer was no, or nobody could be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandFailed(f"{question} There is no terminal to ask on; add --yes.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandFailed("Nothing was done.")
