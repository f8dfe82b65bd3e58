"""What the exit status of `par` means; `docs/cli.md` has the same table for people."""

DONE = 0
FAILED = 1
TASK_FAILED = 2
TASK_WAITS = 3
WAIT_TIMED_OUT = 4
NOT_AUTHORIZED = 5
NOT_FOUND = 6
CONFLICT = 7
SERVER_UNREACHABLE = 8
INTERRUPTED = 130

_BY_HTTP_STATUS = {
    401: NOT_AUTHORIZED,
    403: NOT_AUTHORIZED,
    404: NOT_FOUND,
    409: CONFLICT,
    502: SERVER_UNREACHABLE,
    503: SERVER_UNREACHABLE,
    504: SERVER_UNREACHABLE,
}

_BY_TASK_STATUS = {
    "completed": DONE,
    "dead_letter": TASK_FAILED,
    "waiting_for_approval": TASK_WAITS,
    "waiting_for_input": TASK_WAITS,
    "paused": TASK_WAITS,
}


def for_http_status(status: int) -> int:
    """The exit status for an error answer of the server."""
    return _BY_HTTP_STATUS.get(status, FAILED)


def for_task_status(status: str) -> int:
    """The exit status of a command that waited for a task and found it in this state."""
    return _BY_TASK_STATUS.get(status, FAILED)


def is_settled(status: str) -> bool:
    """True for a state in which nothing more happens by itself soon: ended, or waiting for a person or for budget."""
    return status in _BY_TASK_STATUS


def for_batch(counts: dict[str, int]) -> int:
    """The exit status of a command that waited for many tasks: a failure counts more than a wait."""
    found = {for_task_status(status) for status, number in counts.items() if number}
    return next((status for status in (TASK_FAILED, TASK_WAITS) if status in found), DONE)
