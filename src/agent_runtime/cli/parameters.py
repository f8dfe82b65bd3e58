"""Options that many verbs share, so that they read and behave the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.", show_default=False)]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Show at most N rows.")]
ShowAll = Annotated[bool, typer.Option("--all", help="Show all rows, however many.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.", show_default=False)]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would happen and change nothing.", show_default=False)
]
TaskId = Annotated[str, typer.Argument(metavar="TASK_ID", help="Id of the task.", show_default=False)]
TaskIds = Annotated[list[str], typer.Argument(metavar="TASK_ID...", help="Ids of the tasks.", show_default=False)]
RequestId = Annotated[
    str | None, typer.Option("--request-id", metavar="ID", help="Only if this is the request that is open.")
]
WorkerCount = Annotated[
    int | None, typer.Option("--workers", "-n", min=0, metavar="N", help="Number of workers (PAR_WORKERS).")
]
Port = Annotated[
    int | None, typer.Option("--port", "-p", min=1, max=65535, metavar="PORT", help="Port of the API (PAR_PORT).")
]
WaitTimeout = Annotated[
    float | None,
    typer.Option("--wait-timeout", min=0.0, metavar="SECONDS", help="Stop waiting after this long (exit status 4)."),
]
KeepWaiting = Annotated[
    bool,
    typer.Option(
        "--keep-waiting", help="Stay when the task waits for a person or for budget (else exit 3).", show_default=False
    ),
]
