"""What a stored checkpoint refers to, found without reading a message, so that it costs the same for any history."""

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from agent_runtime.checkpointer.stored_form import ranges, read_state, used_messages, verified
from agent_runtime.store import fork as store
from agent_runtime.store.fork import Holdings


async def holdings_of(
    connection: AsyncConnection[DictRow], tenant_id: str, task_id: str, checkpoint_id: str
) -> Holdings | None:
    """The messages and channels of a checkpoint; None when the task has no such checkpoint. Raises StateCorrupt."""
    row = await store.checkpoint(connection, tenant_id, task_id, checkpoint_id)
    if row is None:
        return None
    stored = read_state(checkpoint_id, row["state"], row["checksum"])
    versions = stored.channel_versions
    rows = await store.channels(connection, tenant_id, task_id, versions)
    bodies = [verified(each, f"channel {each['channel']}") for each in rows]
    return Holdings(ranges(sorted(used_messages(stored, bodies, ()))), versions)
