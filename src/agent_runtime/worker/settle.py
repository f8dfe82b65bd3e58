"""Ends an attempt: its last writes and the move of its task, in one transaction under the fence."""

import structlog

from agent_runtime.checkpointer.group_commit import FlushRefused
from agent_runtime.checkpointer.session import Session
from agent_runtime.domain.errors import LeaseLost
from agent_runtime.domain.retry import Backoff
from agent_runtime.worker.claimed_task import ClaimedTask
from agent_runtime.worker.outcome import Dropped, Failed, Outcome, move_for

_log = structlog.get_logger("worker.settle")


async def settle(task: ClaimedTask, session: Session, outcome: Outcome, backoff: Backoff) -> None:
    """Land the outcome, waiting through database outages; a lost lease is no error."""
    if isinstance(outcome, Dropped):
        await _keep_spend(session)
        return
    try:
        await _land(task, session, outcome, backoff)
    except FlushRefused as error:
        # What the task wanted to write cannot be stored: it is dropped, and the task ends with the reason.
        session.forget_unwritten()
        await _land(task, session, Failed("internal_error", str(error)), backoff)
    except LeaseLost as error:
        _log.info("lease_lost", outcome=error.outcome)


async def _land(task: ClaimedTask, session: Session, outcome: Outcome, backoff: Backoff) -> None:
    move = move_for(task, outcome, progressed=session.steps > 0, backoff=backoff)
    try:
        await session.flush(move)
    except LeaseLost as error:
        _log.info("lease_lost", outcome=error.outcome)
        await _keep_spend(session)


async def _keep_spend(session: Session) -> None:
    """The attempt is over for others, but a reply that was paid for goes into the ledger."""
    for _ in range(2):
        session.forget_unwritten()
        try:
            await session.flush()
        except (LeaseLost, FlushRefused) as error:
            # The first may be of a write that was under way when the attempt ended.
            _log.debug("late_write_ended", error=str(error))
