"""What `check` and `doctor` found: one line each, ok, warn or fail, with what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from agent_runtime.cli import exit_codes
from agent_runtime.cli.output import Output, stdout_is_terminal
from agent_runtime.cli.wording import safe_line

OK, WARN, FAIL = "ok", "warn", "fail"
_COLOURS = {OK: "green", WARN: "yellow", FAIL: "red"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `status` is ok, warn or fail; `todo` says how to mend what is not ok."""

    name: str
    status: str
    detail: str
    todo: str = ""


def print_findings(findings: list[Finding], output: Output) -> int:
    """Print them and answer the exit status: failed when one of them did."""
    if output.as_json:
        output.json([asdict(finding) for finding in findings])
    else:
        _print_lines(findings, output)
    return exit_codes.FAILED if any(finding.status == FAIL for finding in findings) else exit_codes.DONE


def _print_lines(findings: list[Finding], output: Output) -> None:
    width = max((len(finding.name) for finding in findings), default=0)
    console = _console() if stdout_is_terminal() else None
    for finding in findings:
        advice = f" -> {finding.todo}" if finding.todo else ""
        rest = f"{finding.name.ljust(width)}  {safe_line(finding.detail + advice)}"
        if console is None:
            output.line(f"{finding.status.ljust(4)}  {rest}")
        else:
            _print_coloured(console, finding.status, rest)


def _console() -> Any:
    from rich.console import Console

    return Console()


def _print_coloured(console: Any, status: str, rest: str) -> None:
    from rich.text import Text

    console.print(Text(status.ljust(4), style=f"bold {_COLOURS[status]}").append(f"  {rest}", style="not bold default"))
