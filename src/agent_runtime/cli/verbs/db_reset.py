"""`par db reset`."""

from __future__ import annotations

from agent_runtime.cli.parameters import AsJson, Yes

EXAMPLES = ("par db reset", "par db reset --yes")


def run(yes: Yes = False, as_json: AsJson = False) -> int:
    """Delete everything in the embedded database and build it anew. Asks first; the system must be stopped."""
    from agent_runtime.cli.confirmation import confirm
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.system import local_settings
    from agent_runtime.embedded import reset

    settings = local_settings()
    confirm(f"Delete all tasks, agents and history in {settings.data_dir.absolute()}?", yes)
    applied = reset(settings)
    Output(as_json).done(
        f"The database is empty and new ({len(applied)} migrations applied).", {"reset": True, "applied": applied}
    )
    return 0
