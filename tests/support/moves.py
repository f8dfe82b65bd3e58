"""Lands moves of people straight in the database, as the API does: the task locked first, then the transition."""

import psycopg
from psycopg.rows import dict_row

from agent_runtime.domain import people_moves
from agent_runtime.domain.task_lifecycle import Move
from agent_runtime.store.queries import query
from agent_runtime.store.task_lifecycle import moves_parameter
from tests.support.tasks import Row, TaskBook


def land(book: TaskBook, move: Move) -> Row | None:
    """The row of a move that landed, None when its guard refused."""
    with psycopg.connect(book.url, row_factory=dict_row) as connection:
        connection.execute(
            query("task_lifecycle", "lock_tasks"), {"tenant_ids": [move.tenant_id], "task_ids": [move.task_id]}
        )
        return connection.execute(query("task_lifecycle", "transition"), {"moves": moves_parameter([move])}).fetchone()


def cancel(book: TaskBook, task_id: str) -> bool:
    """Cancel a task; False when it had ended."""
    return land(book, people_moves.cancel(book.tenant_id, task_id)) is not None


def redrive(book: TaskBook, task_id: str) -> bool:
    """Send a dead letter round again."""
    return land(book, people_moves.redrive(book.tenant_id, task_id)) is not None


def follow_up(book: TaskBook, task_id: str, message: str) -> bool:
    """Start a further run of a completed task."""
    return land(book, people_moves.follow_up(book.tenant_id, task_id, message)) is not None


def resume(book: TaskBook, task_id: str) -> bool:
    """Queue a paused task again."""
    return land(book, people_moves.resume(book.tenant_id, task_id)) is not None
