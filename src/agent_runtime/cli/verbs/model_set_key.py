"""`par model set-key`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from agent_runtime.cli.parameters import AsJson

EXAMPLES = (
    "par model set-key openai",
    "par model set-key anthropic < key.txt",
    "par model set-key google --delete",
)


def run(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="openai, anthropic or google.")],
    delete: Annotated[bool, typer.Option("--delete", help="Forget the key.", show_default=False)] = False,
    as_json: AsJson = False,
) -> int:
    """Keep a provider's key in the database, sealed; it is asked for, or read from stdin, and never shown again."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask

    output = Output(as_json)
    if delete:
        ask(lambda client: client.models.delete_key(provider))
        answer, words = {"provider": provider, "api_key_set": False}, f"The key of {provider} is forgotten."
    else:
        api_key = _read_key(provider)
        answer = ask(lambda client: client.models.set_key(provider, api_key))
        words = f"The key of {provider} is kept; workers use it within seconds."
        if answer.get("key_from") == "environment":
            words = f"The key of {provider} is kept, but the server's environment has another one, which is used."
    output.done(words, answer)
    return 0


def _read_key(provider: str) -> str:
    from getpass import getpass

    from agent_runtime.cli.failure import CommandFailed

    key = (getpass(f"Key of {provider}: ") if sys.stdin.isatty() else sys.stdin.read()).strip()
    if not key:
        raise CommandFailed("The key is empty.")
    return key
