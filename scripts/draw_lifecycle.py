"""Writes docs/lifecycle.md from the one table of transitions; `--check` only says whether the file is up to date."""

import sys
from pathlib import Path

from agent_runtime.domain.task_lifecycle import TERMINAL, TRANSITIONS, Change, Status

DOCUMENT = Path(__file__).parents[1] / "docs" / "lifecycle.md"

# Submit and claim are statements of their own and so not in the table.
_BEFORE = {("[*]", "queued"): ["submit"], ("queued", "running"): ["claim"]}

_MEANING: dict[Change, str] = {
    Change.COMPLETE: "the graph came to its end; the attempt's last writes land in the same transaction",
    Change.FAIL: "a failure that another try cannot mend, or the last try failed",
    Change.RETRY_LATER: "a failure that may pass; claimable again after a wait",
    Change.HAND_OVER: "the worker stops (SIGTERM, or it cannot renew its lease); no try is counted",
    Change.LEASE_EXPIRED: "the worker died or its lease ran out, and tries are left",
    Change.LEASE_EXPIRED_FOR_GOOD: "the same with no tries left, or the third crash without a new checkpoint",
    Change.PAUSE: "recorded spend reached the budget of the task or of the agent's hour",
    Change.RESUME: "a person raised the task's budget, or the hour has room again",
    Change.CANCEL: "a person ended it",
    Change.TIME_OUT: "`task_timeout_seconds` are over, counted from the run's first claim",
    Change.FORCE_DEAD_LETTER: "a developer control",
    Change.REDRIVE: "a person sends a dead letter round again, as the task's next run",
    Change.FOLLOW_UP: "a person continues a completed task, as its next run",
    Change.ASK_APPROVAL: "a tool call waits for a person: by its policy, or because its outcome is unknown",
    Change.ASK_INPUT: "the agent asked a person (`request_human_input`)",
    Change.APPROVE: "a person let the call run, as it is or edited, or gave its result",
    Change.REJECT: "a person refused the call; the model reads the reason",
    Change.RESPOND: "a person answered the question",
    Change.EXPIRE_REQUEST: "nobody answered within `human_input_timeout_seconds` of the agent",
}

_PAGE = """# The lifecycle of a task

Written by `python scripts/draw_lifecycle.py` from the table in
`src/agent_runtime/domain/task_lifecycle.py`: change the table, not this page.

```mermaid
stateDiagram-v2
{drawing}
```

`completed` and `dead_letter` are terminal: only a person's redrive or follow-up leaves them, and each
starts the task's next run. {unreached}

| change | from | to | event | when |
|---|---|---|---|---|
{table}

Submit inserts a task as `queued` (`task_submitted`), claim makes it `running` under the next attempt
(`task_claimed`). Every other change is the statement `transition` in
`src/agent_runtime/store/sql/task_lifecycle.sql`: guarded by the from-states and, for a worker, by its attempt;
it writes the event, the queue row and the run in the same statement. A move whose guard fails changes nothing.
"""


def document() -> str:
    """The whole page."""
    return _PAGE.format(drawing=_drawing(), unreached=_unreached(), table=_table())


def _entered() -> set[Status]:
    """States that something leads to; the others belong to features that do not exist yet and are not drawn."""
    return {Status.QUEUED, Status.RUNNING, *(row.to_status for row in TRANSITIONS.values())}


def _drawing() -> str:
    arrows = {ends: list(words) for ends, words in _BEFORE.items()}
    for change, row in TRANSITIONS.items():
        for status in row.from_statuses:
            if status in _entered():
                arrows.setdefault((str(status), str(row.to_status)), []).append(change.value.replace("_", " "))
    lines = [f"    {start} --> {end}: {', '.join(words)}" for (start, end), words in arrows.items()]
    lines += [f"    {status} --> [*]" for status in Status if status in TERMINAL]
    return "\n".join(lines)


def _unreached() -> str:
    names = [f"`{status}`" for status in Status if status not in _entered()]
    return f"Nothing leads to {' and '.join(names)} yet, so they are not drawn." if names else ""


def _table() -> str:
    lines = []
    for change, row in TRANSITIONS.items():
        start = ", ".join(f"`{status}`" for status in row.from_statuses)
        lines.append(f"| {change} | {start} | `{row.to_status}` | `{row.event_type}` | {_MEANING[change]} |")
    return "\n".join(lines)


def main() -> int:
    """Write the page, or check it. Gives the exit code."""
    if "--check" not in sys.argv[1:]:
        DOCUMENT.write_text(document(), encoding="utf-8")
        return 0
    if DOCUMENT.read_text(encoding="utf-8") == document():
        return 0
    print("docs/lifecycle.md is not what the table says: run python scripts/draw_lifecycle.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
