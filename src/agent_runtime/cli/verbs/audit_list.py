"""`par audit list`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from agent_runtime.cli.parameters import AsJson, Limit, ShowAll

EXAMPLES = (
    "par audit list",
    "par audit list --action access_denied --json",
    "par audit list --object agent --actor operator",
)
_HEADER = ("when", "who", "action", "object", "from")


def run(
    actor: Annotated[str | None, typer.Option("--actor", metavar="NAME", help="Only what this caller did.")] = None,
    action: Annotated[str | None, typer.Option("--action", metavar="ACTION", help="Only this action.")] = None,
    kind: Annotated[str | None, typer.Option("--object", metavar="KIND", help="Only objects of this kind.")] = None,
    limit: Limit = 50,
    show_all: ShowAll = False,
    as_json: AsJson = False,
) -> int:
    """List who did what, newest first."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.server import ask, gather

    filters = {"actor": actor, "action": action, "object_kind": kind}
    rows = ask(lambda client: gather(client.audit.list(filters, None if show_all else limit)))
    Output(as_json).rows(_HEADER, [_row(row) for row in rows], rows)
    return 0


def _row(row: dict[str, Any]) -> list[str]:
    from agent_runtime.cli.wording import age

    what = f"{row['object_kind']} {row.get('object_id') or ''}".strip()
    return [age(row.get("created_at")), row["actor"], row["action"], what, row.get("address") or ""]
