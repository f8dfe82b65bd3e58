"""Answers `--help` before anything is parsed.

The pages of `par` and of a family (`par task`) are written from the verb table alone, without typer, which takes most
of the time that a person waits for help. A verb's own page is typer's, but asked for directly: typer converts every
value that it parses with pydantic, the flag `--help` included, and importing that costs as much again.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent_runtime.cli.verb_table import FAMILIES, ROOT, SECTIONS, Verb, VerbFamily

_ABOUT = """Run AI agents that survive their machine.

Start with `par demo` (no key needed), or with `par up` and then `par task submit`."""

_CLOSING = """
Every command takes --json: data on stdout, talk on stderr.
Settings are PAR_* variables; PAR_URL and PAR_API_KEY name another server.

Examples:
  par up --workers 3
  par agent apply -f agent.yaml
  par task submit research "Why is the sky blue?" --watch
  par approvals
  par batch submit questions.jsonl --agent research --wait
  par dead-letter groups

Exit status: 0 done, 1 usage or unexpected, 2 task failed, 3 waits for a person
or for budget, 4 timed out waiting, 5 not authorized, 6 not found, 7 conflict,
8 server unreachable, 130 interrupted."""


def asked_for(arguments: list[str]) -> str | None:
    """The page that this command line asks for, or None when it is no call for help."""
    if not arguments or arguments == ["--help"]:
        return root_page()
    family = FAMILIES.get(arguments[0])
    if family is not None and (arguments[1:] == ["--help"] or (not arguments[1:] and family.alone is None)):
        return family_page(family)
    return _verb_page(arguments) if _wants_help(arguments) else None


def _wants_help(arguments: list[str]) -> bool:
    """True when `--help` stands among the options: everything after `--` is data."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--help" in options


def _verb_page(arguments: list[str]) -> str | None:
    names = arguments[:2] if arguments[0] in FAMILIES else arguments[:1]
    entries = FAMILIES[names[0]].verbs if len(names) == 2 else ROOT
    verb = next((entry for entry in entries if entry.name == names[-1]), None)
    if not isinstance(verb, Verb):
        return None
    import typer

    from agent_runtime.cli.verb_group import load_command

    command = load_command(verb)
    return str(command.get_help(typer.Context(command, info_name=" ".join(["par", *names]))))


def root_page() -> str:
    options = _listed("Options", [("--version", "Show the version."), ("--help", "Show this page.")])
    width = max(len(entry.name) for entry in ROOT)
    sections = "\n".join(_commands(title, entries, width) for title, entries in SECTIONS)
    return _page("par", _ABOUT, sections, options + _CLOSING)


def family_page(family: VerbFamily) -> str:
    path = f"par {family.name}"
    commands = _commands("Commands", family.verbs)
    return _page(path, family.summary, commands, f"`{path} VERB --help` shows options and examples.")


def _page(path: str, about: str, commands: str, closing: str) -> str:
    return f"Usage: {path} COMMAND [OPTIONS] [ARGUMENTS]\n\n{about}\n\n{commands}\n{closing}"


def _commands(title: str, entries: Sequence[Verb | VerbFamily], width: int = 0) -> str:
    return _listed(title, [(entry.name, entry.summary) for entry in entries], width)


def _listed(title: str, rows: list[tuple[str, str]], width: int = 0) -> str:
    width = width or max(len(name) for name, _ in rows)
    return "\n".join([f"{title}:", *(f"  {name.ljust(width)}  {text}" for name, text in rows), ""])
