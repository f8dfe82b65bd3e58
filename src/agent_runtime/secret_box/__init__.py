"""Secrets sealed for the database: AES-256-GCM under the system's master key.

A sealed secret opens only at the place it was sealed for (tenant, table, row, column and version are authenticated with
it), so that a copy in another row or of an older version opens nothing. The first master key seals, further ones only
open, which is how keys are rotated. It never stores anything and never puts a secret into an error.
Start reading at `box.py`.
"""

from agent_runtime.secret_box.box import Place, SecretBox, new_master_key

__all__ = ["Place", "SecretBox", "new_master_key"]
