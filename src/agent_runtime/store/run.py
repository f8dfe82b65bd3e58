"""The runs of a task."""

from agent_runtime.store.database import Database, Row


async def list_runs(database: Database, tenant_id: str, task_id: str, after: int, limit: int) -> list[Row]:
    """A page of runs after a run number. The status of the last run is the task's own."""
    parameters = {"task_id": task_id, "after": after, "limit": limit}
    rows = await database.tenant_rows(tenant_id, "run", "list_runs", parameters)
    for row in rows:
        recorded, of_task, is_last = row.pop("recorded_status"), row.pop("task_status"), row.pop("is_last")
        row["status"] = of_task if is_last else recorded
    return rows
