"""Takes the tasks of dead workers: tried again elsewhere while tries are left, else a dead letter."""

from collections.abc import Sequence

import structlog

from agent_runtime import fault_points
from agent_runtime.domain.dead_letter import error_fingerprint
from agent_runtime.domain.lease import QUIET_SECONDS_AFTER_DATABASE_START
from agent_runtime.domain.retry import after_crash
from agent_runtime.domain.task_lifecycle import Change, Failure, Move
from agent_runtime.store import lease as store
from agent_runtime.store.database import Database, Row
from agent_runtime.store.task_lifecycle import transition

_log = structlog.get_logger("worker.take_over")
_CODE = "worker_crash"
_BATCH = 200
# How many tasks of a dead worker are named in the log.
_NAMED = 20


async def take_over(database: Database, suspects: Sequence[str] = (), *, own: Sequence[str] = ()) -> int:
    """Declare dead sessions, move their tasks on, and give how many were moved. `own` sessions count as gone too."""
    dead = await store.declare_dead(database, suspects, QUIET_SECONDS_AFTER_DATABASE_START)
    if dead:
        _log.warning("workers_dead", worker_ids=dead)
    moved = 0
    while rows := await store.orphans(database, own=own, limit=_BATCH):
        _log.info("orphans_found", tasks={str(row["task_id"]): row["worker_id"] for row in rows[:_NAMED]})
        landed = await _move(database, [_move_of(row) for row in rows])
        moved += landed
        if len(rows) < _BATCH or not landed:
            break
    if moved:
        _log.info("tasks_taken_over", tasks=moved)
    return moved


async def _move(database: Database, moves: list[Move]) -> int:
    fault_points.reach("takeover.before_commit")
    async with database.connection() as connection:
        landed = len(await transition(connection, moves))
    fault_points.reach("takeover.after_commit")
    return landed


def _move_of(row: Row) -> Move:
    verdict = after_crash(
        retry_count=row["retry_count"],
        crash_count=row["crash_count"],
        max_retries=row["max_retries"],
        progressed=row["progressed"],
    )
    worker = row["worker_id"]
    message = f"worker {worker} ended or lost its lease during attempt {row['attempt']}"
    reason = None if verdict.tried_again else "retries_exhausted"
    return Move(
        row["tenant_id"],
        str(row["task_id"]),
        Change.LEASE_EXPIRED if verdict.tried_again else Change.LEASE_EXPIRED_FOR_GOOD,
        attempt=row["attempt"],
        failure=Failure(_CODE, message, error_fingerprint(reason or "", _CODE, "worker crash")),
        dead_letter_reason=reason,
        retry_count=verdict.retry_count,
        crash_count=verdict.crash_count,
        retry_entry={"attempt": row["attempt"], "code": _CODE, "message": message, "retry_count": verdict.retry_count},
        saves_cost=verdict.tried_again,
    )
