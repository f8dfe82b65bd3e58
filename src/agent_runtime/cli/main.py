"""Entry point of `par`: finds the verb, runs it, and turns whatever comes back into an exit status."""

from __future__ import annotations

import os
import sys

from agent_runtime.cli import exit_codes, help_page


def main() -> None:
    """Run `par` with the arguments of this process and exit."""
    status = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run one command line and answer its exit status; nothing is raised for what a user can cause."""
    _tolerate_any_text()
    try:
        return _answer(arguments)
    except BrokenPipeError:
        _silence_stdout()
        return exit_codes.DONE
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED


def _answer(arguments: list[str]) -> int:
    if arguments == ["--version"]:
        from agent_runtime import __version__

        print(f"par {__version__}")
        return exit_codes.DONE
    page = help_page.asked_for(arguments)
    if page is not None:
        print(page)
        return exit_codes.DONE
    return _run_verb(arguments)


def _run_verb(arguments: list[str]) -> int:
    from typer.exceptions import Abort, TyperException

    from agent_runtime.cli.verb_group import root_group
    from agent_runtime.cli.verb_table import completed

    try:
        return int(root_group().main(completed(arguments), prog_name="par", standalone_mode=False) or 0)
    except BrokenPipeError:
        raise
    except Abort:
        return exit_codes.INTERRUPTED
    except Exception as error:
        # The last stop before a traceback, which a user must never see; `python -X dev` lets it through.
        if sys.flags.dev_mode and not isinstance(error, TyperException):
            raise
        from agent_runtime.cli.failure import report

        return report(error, as_json="--json" in arguments)


def _tolerate_any_text() -> None:
    """A terminal of another encoding shows replacements instead of failing on a task's text."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _silence_stdout() -> None:
    """The reader (`| head`) is gone: keep the interpreter's last flush from complaining."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
