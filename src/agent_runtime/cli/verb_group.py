"""Typer groups whose commands are imported when they are called, not when they are listed."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

import typer
from typer.core import TyperGroup

from agent_runtime.cli.help_page import family_page, root_page
from agent_runtime.cli.verb_table import FAMILIES, ROOT, Verb, VerbFamily


class VerbCommands(MutableMapping[str, Any]):
    """A group's commands by name; looking one up imports it."""

    def __init__(self, entries: Iterable[Verb | VerbFamily]) -> None:
        self.entries = {entry.name: entry for entry in entries}
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _command(self.entries[name])
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self.entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


class VerbGroup(TyperGroup):
    """A group over a part of the verb table."""

    commands: Any

    def __init__(self, name: str, entries: Iterable[Verb | VerbFamily], **attributes: Any) -> None:
        commands: Any = VerbCommands(entries)
        super().__init__(name=name, commands=commands, rich_markup_mode=None, suggest_commands=False, **attributes)

    def get_help(self, ctx: Any) -> str:
        family = FAMILIES.get(self.name or "")
        return root_page() if family is None else family_page(family)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-") and not ctx.resilient_parsing:
            ctx.fail(unknown_verb(ctx.command_path, args[0], list(self.commands)))
        return super().resolve_command(ctx, args)


def root_group() -> Any:
    """The command `par` itself."""
    return VerbGroup("par", ROOT, no_args_is_help=True)


def unknown_verb(path: str, typed: str, known: list[str]) -> str:
    """What to tell someone who mistyped a verb."""
    close = difflib.get_close_matches(typed, known, n=2, cutoff=0.5) or [
        name for name in known if name.startswith(typed) or typed in name
    ]
    hint = f"Did you mean {' or '.join(f'`{path} {name}`' for name in close[:2])}?" if close else None
    return f"There is no `{path} {typed}`. {hint or f'`{path} --help` lists what there is.'}"


def load_command(verb: Verb) -> Any:
    """Import a verb and make typer's command of it."""
    module = importlib.import_module(verb.module)
    single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    single.command(verb.name, short_help=verb.summary, epilog=_examples(module.EXAMPLES))(module.run)
    return typer.main.get_command(single)


def _command(entry: Verb | VerbFamily) -> Any:
    if isinstance(entry, VerbFamily):
        return VerbGroup(entry.name, entry.verbs, no_args_is_help=True)
    return load_command(entry)


def _examples(lines: tuple[str, ...]) -> str:
    """An epilog whose lines typer must not wrap (the `\\b` mark keeps the paragraph as written)."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
