"""Live tokens while somebody listens; losing them is fine."""

from collections.abc import Sequence

from agent_runtime.store.arrays import literal, text_literal
from agent_runtime.store.database import Database

Chunk = tuple[str, str, int, str]


async def listened_to(database: Database, task_ids: Sequence[str]) -> set[str]:
    """Which of these tasks somebody listens to."""
    rows = await database.fetch_all("live_text", "listened_to", {"task_ids": literal(task_ids)})
    return {str(row["task_id"]) for row in rows}


async def add_chunks(database: Database, chunks: Sequence[Chunk]) -> None:
    """Store pieces of replies: (tenant_id, task_id, attempt, text)."""
    parameters = {
        "tenant_ids": text_literal([chunk[0] for chunk in chunks]),
        "task_ids": literal([chunk[1] for chunk in chunks]),
        "attempts": literal([chunk[2] for chunk in chunks]),
        "texts": text_literal([chunk[3] for chunk in chunks]),
    }
    await database.fetch_all("live_text", "add_chunks", parameters)


async def forget_old(database: Database) -> None:
    """Remove what nobody can want any more."""
    await database.fetch_all("live_text", "forget_old")
