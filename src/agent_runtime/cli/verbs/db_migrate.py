"""`par db migrate`."""

from __future__ import annotations

from agent_runtime.cli.parameters import AsJson

EXAMPLES = ("par db migrate", "PAR_DATABASE_URL=postgresql://owner@db/par par db migrate")


def run(as_json: AsJson = False) -> int:
    """Apply the migrations that are missing; an embedded database is started for that if it does not run."""
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.system import local_settings
    from agent_runtime.embedded import migrate

    output = Output(as_json)
    applied = migrate(local_settings(), output.note)
    told = f"Applied {len(applied)}: {', '.join(applied)}." if applied else "The database is up to date."
    output.done(told, {"applied": applied})
    return 0
