"""`par db rotate-master-key`."""

from __future__ import annotations

from agent_runtime.cli.parameters import AsJson

EXAMPLES = (
    "par stop && par db rotate-master-key && par start",
    "PAR_MASTER_KEY=$NEW,$OLD PAR_DATABASE_URL=postgresql://owner@db/par par db rotate-master-key",
)


def run(as_json: AsJson = False) -> int:
    """Seal every secret in the database with another master key, while the system is stopped.

    The key that an embedded database keeps is replaced by a new one. A key of your own in PAR_MASTER_KEY must be set to
    the new and the old one, separated by a comma; afterwards the new one alone is enough.
    """
    from agent_runtime.cli.output import Output
    from agent_runtime.cli.system import local_settings
    from agent_runtime.embedded import rotate_master_key

    changed = rotate_master_key(local_settings())
    Output(as_json).done(f"{changed} secrets are sealed with the new master key.", {"resealed": changed})
    return 0
