"""Looking for files and for text in the sandbox, with the programs that are there."""

import re
import shlex

from agent_runtime.domain.errors import ToolFailed
from agent_runtime.sandboxes.sandbox import ExecResult
from agent_runtime.tools.sandbox_call import in_sandbox, noticed

_SECONDS = 60
_OUTPUT_BYTES = 24_000
_LONGEST_LINE = 500
_NO_MATCH = 1
_MODES = {
    "content": ("--line-number --with-filename --no-heading", "-nH"),
    "files_with_matches": ("--files-with-matches", "-l"),
    "count": ("--count --with-filename", "-cH"),
}


async def sandbox_grep(pattern: str, path: str, glob: str | None, output_mode: str, head_limit: int) -> str:
    """Search in files: with ripgrep where the sandbox has it, else with grep."""
    result = await _search(_grep_command(pattern, path, glob, output_mode, head_limit))
    # grep counts the files without a match, too.
    lines = [line for line in result.stdout.text.splitlines() if output_mode != "count" or not line.endswith(":0")]
    return noticed(_listed(lines, head_limit, "no match"))


def _grep_command(pattern: str, path: str, glob: str | None, output_mode: str, head_limit: int) -> str:
    of_ripgrep, of_grep = _MODES[output_mode]
    what, where = shlex.quote(pattern), shlex.quote(path)
    ripgrep = f"rg --color never --sort path {of_ripgrep} {_option('--glob', glob)} -e {what} -- {where}"
    grep = f"grep -r -I -P --exclude-dir=.git {of_grep} {_option('--include', glob)} -e {what} -- {where}"
    counted = "grep -v ':0$'" if output_mode == "count" else "cat"
    return (
        f"if command -v rg > /dev/null; then {ripgrep}; else {grep} | {counted}; fi"
        f" | cut -b 1-{_LONGEST_LINE} | head -n {head_limit + 1}; "
        # What a search was cut off by is no failure of it.
        'codes=("${PIPESTATUS[@]}"); [ "${codes[0]}" = 141 ] && exit 0; exit "${codes[0]}"'
    )


def _option(name: str, value: str | None) -> str:
    return "" if value is None else f"{name}={shlex.quote(value)}"


async def sandbox_glob(pattern: str, path: str, head_limit: int) -> str:
    """Find files by name, the newest first."""
    expression = shlex.quote(glob_expression(pattern))
    command = (
        f"cd -- {shlex.quote(path)} && find . -name .git -prune -o -type f -regextype posix-extended"
        f" -regex {expression} -printf '%T@ %P\\n' | sort -rn | head -n {head_limit + 1} | cut -d' ' -f2-"
    )
    result = await _search(command)
    return noticed(_listed(result.stdout.text.splitlines(), head_limit, "no file"))


def glob_expression(pattern: str) -> str:
    """A glob as a regular expression over paths that begin with `./`."""
    made, depth = "", 0
    for part in re.findall(r"\*\*/|\*\*|\[[^\]]+\]|.", pattern.removeprefix("./"), re.DOTALL):
        simple = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(", "}": ")"}.get(part)
        depth += {"{": 1, "}": -1}.get(part, 0)
        if simple is not None:
            made += simple
        elif part == "," and depth > 0:
            made += "|"
        elif len(part) > 1:
            made += "[^" + part[2:] if part.startswith("[!") else part
        else:
            made += "\\" + part if part in ".^$+()|\\" else part
    return r"\./" + made


async def _search(command: str) -> ExecResult:
    result = await in_sandbox(lambda sandbox: sandbox.exec(command, _SECONDS, _OUTPUT_BYTES), repeatable=True)
    if result.timed_out:
        raise ToolFailed(noticed(f"the search took longer than {_SECONDS} seconds: narrow it down"))
    if result.exit_code not in (0, _NO_MATCH) or (result.stderr.text and not result.stdout.text):
        raise ToolFailed(noticed(result.stderr.text.strip() or f"the search failed with code {result.exit_code}"))
    return result


def _listed(lines: list[str], head_limit: int, nothing: str) -> str:
    if len(lines) > head_limit:
        lines = [*lines[:head_limit], f"[cut at {head_limit}; there are more]"]
    return "\n".join(lines) if lines else nothing
